import { RecentValues } from '@tessera/runtime';
import type { Tensor } from 'onnxruntime-node';

/** Bits of one element. Of strings ONNX Runtime does not report the size: they count as pointers. */
const elementBits: Readonly<Record<Tensor.Type, number>> = {
  float64: 64,
  float32: 32,
  float16: 16,
  int64: 64,
  int32: 32,
  int16: 16,
  int8: 8,
  int4: 4,
  uint64: 64,
  uint32: 32,
  uint16: 16,
  uint8: 8,
  uint4: 4,
  bool: 8,
  string: 64,
};

/** Tensors by key, least recently used dropped and freed first once their bytes exceed the limit. */
export class KeptTensors {
  readonly #limitBytes: number;
  readonly #tensors: RecentValues<Tensor>;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
    this.#tensors = new RecentValues<Tensor>(limitBytes, byteLength, (tensor) => {
      tensor.dispose();
    });
  }

  /** @throws RangeError when the tensors together exceed the limit: they could never be kept side by side */
  keep(tensors: ReadonlyMap<string, Tensor>): void {
    const bytes = [...tensors.values()].reduce((sum, tensor) => sum + byteLength(tensor), 0);
    if (bytes > this.#limitBytes) {
      throw new RangeError(`${bytes} bytes to keep exceed the limit of ${this.#limitBytes}`);
    }
    for (const [key, tensor] of tensors) this.#tensors.set(key, tensor);
  }

  /** The tensor, touched, or nothing. */
  get(key: string): Tensor | undefined {
    return this.#tensors.get(key);
  }

  /** Whether every key is there; touches those that are. */
  holds(keys: readonly string[]): boolean {
    return keys.map((key) => this.get(key)).every((tensor) => tensor !== undefined);
  }
}

/** Measures without touching the data, which may lie on a device. */
function byteLength({ size, type }: Tensor): number {
  return Math.ceil((size * elementBits[type]) / 8);
}
