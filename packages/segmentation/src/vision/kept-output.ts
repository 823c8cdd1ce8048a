import { TesseraError } from '@tessera/contracts';
import { TensorNotKeptError, type InferenceRunner, type KeptTensor } from '@tessera/inference';

/** Others may push a tensor out between two runs; more often than this they do not by chance. */
const attempts = 3;

/**
 * Runs `use` with a tensor of the inference process, again when it was pushed out before `use` reached it.
 *
 * @param compute - keeps it under the key
 * @throws TesseraError `TSR_INFERENCE_FAILED` when it is pushed out every time
 */
export async function withKeptOutput<Result>(
  runner: InferenceRunner,
  key: string,
  compute: () => Promise<void>,
  use: (tensor: KeptTensor) => Promise<Result>,
): Promise<Result> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    if (!(await runner.holds([key]))) await compute();
    try {
      return await use({ kept: key });
    } catch (error) {
      if (!(error instanceof TensorNotKeptError)) throw error;
    }
  }
  throw new TesseraError('TSR_INFERENCE_FAILED', 'The image was pushed out of memory by others; try again.');
}
