import type { CacheState } from '@tessera/blob-store';
import type { PruningReport } from '@tessera/contracts';
import type { FinishedRun, InferenceDevice } from '@tessera/inference';
import { processMemory } from '@tessera/runtime/process';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Seconds of stages and model runs. */
const buckets = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30];
const batchBuckets = [1, 2, 4, 8, 16, 32, 64];

/** `late`: over the time limit. */
export type CacheLookup = 'hit' | 'miss' | 'invalid' | 'late' | 'failed';
/** `gone`: no longer kept; `dropped`: too many waited. */
export type CacheWrite = 'stored' | 'gone' | 'dropped' | 'failed';

/** What a worker measures. Every label has a small, fixed set of values. */
export class WorkerMetrics {
  readonly registry = new Registry();
  readonly #registers = [this.registry];
  readonly attempts = new Counter({
    name: 'tessera_worker_attempts_total',
    help: 'Attempts at jobs by their outcome: succeeded, failed with the code of the error, or interrupted (cancelled, handed back, taken over)',
    labelNames: ['kind', 'outcome', 'code'],
    registers: this.#registers,
  });
  readonly #stageSeconds = new Histogram({
    name: 'tessera_worker_stage_seconds',
    help: 'Time of one job in each stage of its pipeline, the waiting for the device included',
    labelNames: ['model', 'stage'],
    buckets,
    registers: this.#registers,
  });
  readonly #runSeconds = new Histogram({
    name: 'tessera_worker_graph_run_seconds',
    help: 'Time of one run of a graph in ONNX Runtime',
    labelNames: ['model', 'graph', 'device'],
    buckets,
    registers: this.#registers,
  });
  readonly #batchRuns = new Histogram({
    name: 'tessera_worker_batch_runs',
    help: 'How many requested runs one run of a graph took together',
    labelNames: ['model', 'graph'],
    buckets: batchBuckets,
    registers: this.#registers,
  });
  readonly #imageTokens = new Counter({
    name: 'tessera_worker_image_tokens_total',
    help: 'Image tokens per layer of the language model, summed over jobs: before pruning, and after it (mean over the layers)',
    labelNames: ['model', 'pruning'],
    registers: this.#registers,
  });
  readonly #embeddings = new Counter({
    name: 'tessera_worker_embeddings_total',
    help: 'Image embeddings that jobs needed: kept of an earlier job, shared by another worker, or computed',
    labelNames: ['model', 'source'],
    registers: this.#registers,
  });

  readonly #cacheLookups = new Counter({
    name: 'tessera_worker_embedding_cache_lookups_total',
    help: 'Lookups in the cache that workers share: hit, miss, invalid (broken or of another shape), late (over the time limit) or failed',
    labelNames: ['outcome'],
    registers: this.#registers,
  });
  readonly #cacheWrites = new Counter({
    name: 'tessera_worker_embedding_cache_writes_total',
    help: 'What became of outputs for the shared cache: stored, gone (no longer kept), dropped (too many waited) or failed',
    labelNames: ['outcome'],
    registers: this.#registers,
  });
  readonly #cacheEvictions = new Counter({
    name: 'tessera_worker_embedding_cache_evictions_total',
    help: 'Entries that this worker dropped from the shared cache to make room',
    registers: this.#registers,
  });
  readonly #cacheBytes = new Gauge({
    name: 'tessera_worker_embedding_cache_bytes',
    help: 'Bytes in the shared cache as this worker saw them last; every worker shows the same, so take the maximum',
    registers: this.#registers,
  });

  observeStages(model: string, timingsMs: Readonly<Record<string, number>>): void {
    for (const [stage, ms] of Object.entries(timingsMs)) this.#stageSeconds.observe({ model, stage }, ms / 1000);
  }

  observeRun({ bundle: model, graph, device, runs, runMs }: FinishedRun): void {
    this.#runSeconds.observe({ model, graph, device: String(device) }, runMs / 1000);
    this.#batchRuns.observe({ model, graph }, runs);
  }

  observeTokens(model: string, { image_tokens: before, average_image_tokens: after }: PruningReport): void {
    this.#imageTokens.inc({ model, pruning: 'before' }, before);
    this.#imageTokens.inc({ model, pruning: 'after' }, after);
  }

  observeEmbedding(model: string, source: 'kept' | 'shared' | 'computed'): void {
    this.#embeddings.inc({ model, source });
  }

  observeCacheLookup(outcome: CacheLookup): void {
    this.#cacheLookups.inc({ outcome });
  }

  observeCacheWrite(outcome: CacheWrite): void {
    this.#cacheWrites.inc({ outcome });
  }

  observeCache({ storedBytes, evicted }: CacheState): void {
    this.#cacheBytes.set(storedBytes);
    this.#cacheEvictions.inc(evicted);
  }

  /** Shows the state of the devices and the running jobs at every scrape from now on. */
  follow(devices: () => readonly InferenceDevice[], runningJobs: () => number): void {
    const registers = this.#registers;
    new Gauge({
      name: 'tessera_worker_running_jobs',
      help: 'Jobs that the worker has claimed and not finished',
      registers,
      collect() {
        this.set(runningJobs());
      },
    });
    new Gauge({
      name: 'tessera_worker_device_ready',
      help: '1 while the inference process of a device takes runs',
      labelNames: ['device', 'provider'],
      registers,
      collect() {
        this.reset();
        for (const { id, executionProvider: provider, ready } of devices()) {
          this.set({ device: String(id), provider }, Number(ready));
        }
      },
    });
    new Counter({
      name: 'tessera_worker_inference_restarts_total',
      help: 'Inference processes that ended and were replaced',
      labelNames: ['device'],
      registers,
      collect() {
        this.reset();
        for (const { id, restarts } of devices()) this.inc({ device: String(id) }, restarts);
      },
    });
    new Gauge({
      name: 'tessera_worker_inference_resident_bytes',
      help: 'Resident memory of the inference processes of a device; on Linux alone',
      labelNames: ['device'],
      registers,
      collect() {
        this.reset();
        for (const { id, pid, sidePids = [] } of devices()) {
          for (const own of [pid, ...sidePids]) {
            const bytes = own === undefined ? undefined : processMemory(own)?.resident;
            if (bytes !== undefined) this.inc({ device: String(id) }, bytes);
          }
        }
      },
    });
  }
}
