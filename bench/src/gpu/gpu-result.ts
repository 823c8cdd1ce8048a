/** What a run found; `bench/results/gpu-benchmark.json`, from which the page is written. */
export interface GpuResult {
  readonly created_at: string;
  readonly form: 'full' | 'small';
  readonly provider: 'cuda' | 'cpu';
  readonly machine: Machine;
  readonly settings: GpuSettings;
  readonly seconds: number;
  readonly parts: readonly PartResult[];
}

/** What was measured. */
export interface GpuSettings {
  readonly language_model: string;
  readonly image_tokens: number;
  readonly questions: readonly number[];
  readonly image_encoder: string;
  readonly precision: 'float16';
  readonly clients: number;
  readonly max_batch: number;
}

/** The machine that was measured on, and the versions of what ran. */
export interface Machine {
  readonly gpus: readonly { readonly name: string; readonly memory: string; readonly driver: string }[];
  readonly processor: string;
  readonly cores: number;
  readonly memory_bytes: number;
  readonly kernel: string;
  readonly node: string;
  readonly onnxruntime_node: string;
  readonly commit: string;
}

/** What a part found until it ended. */
export interface PartResult {
  readonly name: string;
  readonly limit_seconds: number;
  readonly seconds: number;
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  /** Why it did not come to its end; the rows are those until then. */
  readonly error?: string;
}
