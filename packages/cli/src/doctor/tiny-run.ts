import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/**
 * An ONNX graph of about a hundred bytes: `x` float32 [1, 2] times the matrix [[1, 2], [3, 4]] gives `y` float32 [1, 2]. On CUDA a matrix
 * product needs the driver, the CUDA runtime and cuBLAS.
 */
const tinyModel =
  'CAk6YAoRCgF4CgF3EgF5IgZNYXRNdWwSBHRpbnkqGwgCCAIQAUIBd0oQAACAPwAAAEAAAEBAAACAQFoTCgF4Eg4KDAgBEggKAggBCgIIAmITCgF5Eg4K' +
  'DAgBEggKAggBCgIIAkIECgAQEQ==';

const program = `
import { createRequire } from 'node:module';
const { env, InferenceSession, listSupportedBackends, Tensor } = createRequire(process.cwd() + '/')('onnxruntime-node');
env.logLevel = 'fatal';
const [provider, model] = process.argv.slice(1);
const listed = listSupportedBackends().map(({ name }) => name);
// Otherwise ONNX Runtime runs on the processor whatever the provider does not take.
const extra = provider === 'cpu' ? {} : { session: { disable_cpu_ep_fallback: '1' } };
const options = { executionProviders: [provider], logSeverityLevel: 4, extra };
const session = await InferenceSession.create(Buffer.from(model, 'base64'), options);
const { y } = await session.run({ x: new Tensor('float32', [1, 10], [1, 2]) });
process.stdout.write(JSON.stringify({ listed, values: [...y.data] }));`;

export type TinyRun =
  | {
      readonly isRight: true;
      /** Providers that ONNX Runtime lists, working or not. */ readonly listed: readonly string[];
    }
  | { readonly isRight: false; readonly reason: string };

/**
 * Runs a tiny model on an execution provider, in a process of its own: a broken library may end its process.
 *
 * @param folder - of a package that depends on onnxruntime-node
 */
export async function tinyRun(provider: 'cpu' | 'cuda', folder: string): Promise<TinyRun> {
  const words = ['--input-type=module', '--eval', program, provider, tinyModel];
  try {
    const { stdout } = await promisify(execFile)(process.execPath, words, { cwd: folder, timeout: 60_000 });
    const { listed, values } = JSON.parse(stdout) as { listed: string[]; values: number[] };
    if (values.join() === '31,42') return { isRight: true, listed };
    return { isRight: false, reason: `it gave ${values.join(', ')} instead of 31, 42` };
  } catch (error) {
    const { stderr = '', signal, killed } = error as { stderr?: string; signal?: string; killed?: boolean };
    if (killed === true) return { isRight: false, reason: 'it took longer than a minute' };
    if (typeof signal === 'string') return { isRight: false, reason: `its process was ended by ${signal}` };
    return { isRight: false, reason: /^\w*Error\b.*?: (.*)$/m.exec(stderr)?.[1] ?? 'its process ended' };
  }
}
