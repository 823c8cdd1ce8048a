import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { ServiceError, TesseraClient } from '@tessera/client';
import { RedisConnection } from '@tessera/runtime/redis';
import { CommandFailure } from '../command-errors.js';
import type { Command, CommandContext } from '../command.js';
import { checkCpuRun } from '../doctor/check-onnx-runtime.js';
import { checkCuda } from '../doctor/check-cuda.js';
import type { Finding } from '../doctor/finding.js';
import { loaderDirectories } from '../doctor/shared-libraries.js';
import { tinyRun } from '../doctor/tiny-run.js';
import { explain } from '../explain.js';
import { directoriesOf, installation, serviceMain } from '../installation.js';
import { textOption } from '../option-values.js';

export const doctor: Command = {
  usage: 'doctor',
  summary: 'Check this installation and the service, and say what to do',
  details: [
    'Ends with 1 when something is broken. Redis is checked when REDIS_URL is set. What CUDA lacks counts as broken with',
    '--cuda, or when EXECUTION_PROVIDERS names cuda; otherwise it is a note.',
  ].join('\n'),
  examples: [
    ['tessera doctor', 'what is missing here'],
    ['tessera doctor --cuda', 'what is missing to run models on an NVIDIA GPU'],
  ],
  positionals: { min: 0, max: 0 },
  options: { cuda: { type: 'boolean', default: false }, json: { type: 'boolean', default: false } },
  optionHelp: { cuda: 'CUDA is needed: driver, libraries, provider, a tiny model', json: 'print JSON' },
  async run(context) {
    const { options, print } = context;
    const checks = await Promise.all([
      checkNode(),
      checkLibraries(),
      checkProviders(context),
      checkModels(context),
      checkRedis(context),
      checkService(context),
    ]);
    const found = [checkCompiled(), ...checks.flat()];
    print(options.json === true ? JSON.stringify(found, null, 2) : found.map(lineOf).join('\n'));
    const failed = found.filter(({ status }) => status === 'failed');
    if (failed.length > 0) throw new CommandFailure(`Broken: ${failed.map(({ check }) => check).join(', ')}.`);
  },
};

function lineOf({ check, status, detail, remedy }: Finding): string {
  const line = `${status.padEnd(6)}  ${check.padEnd(16)}  ${detail}`;
  const indent = `\n${' '.repeat(26)}`;
  return remedy === undefined ? line : `${line}${indent}${remedy.replaceAll('\n', indent)}`;
}

async function checkNode(): Promise<Finding> {
  const text = await readFile(join(installation, 'package.json'), 'utf8');
  const { engines } = JSON.parse(text) as { engines: { node: string } };
  const numbers = (version: string) => (/\d+[.\d]*/.exec(version)?.[0] ?? '').split('.').map(Number);
  const [[major = 0, minor = 0], [leastMajor = 0, leastMinor = 0]] = [process.versions.node, engines.node].map(
    numbers,
  ) as [number[], number[]];
  const check = 'Node.js';
  if (major > leastMajor || (major === leastMajor && minor >= leastMinor)) {
    return { check, status: 'ok', detail: process.versions.node };
  }
  const detail = `${process.versions.node}; Tessera needs ${engines.node}`;
  return { check, status: 'failed', detail, remedy: 'Install a newer Node.js: https://nodejs.org.' };
}

function checkCompiled(): Finding {
  const check = 'compiled service';
  if (existsSync(serviceMain('standalone'))) return { check, status: 'ok', detail: installation };
  return { check, status: 'note', detail: 'not yet', remedy: '`tessera serve` and `npm run build` compile it.' };
}

/** Without optional packages there is no ONNX Runtime, and of sharp all but the native part: then neither is needed. */
async function checkLibraries(): Promise<Finding[]> {
  const [onnxRuntime, sharp] = await Promise.all([
    checkLibrary('onnxruntime-node', 'packages/inference', 'models cannot run here'),
    checkLibrary('sharp', 'packages/images', 'images cannot be decoded here'),
  ]);
  const isNeeded = onnxRuntime.status !== 'note';
  return [onnxRuntime, isNeeded || sharp.status === 'ok' ? sharp : { ...sharp, status: 'note', remedy: withoutModels }];
}

const withoutModels =
  'A gateway and this command line work without it. For the rest, `npm ci` without --omit=optional.';

/** Loads a native library in a process of its own: one that is broken may end its process. */
async function checkLibrary(name: string, folder: string, effect: string): Promise<Finding> {
  const [check, cwd] = [name, join(installation, folder)];
  const code = `import { createRequire } from 'node:module';
    const require = createRequire(process.cwd() + '/');
    require.resolve('${name}');
    process.stdout.write('installed');
    require('${name}');
    process.stdout.write(', loads');`;
  const command = ['--input-type=module', '--eval', code];
  const result = await promisify(execFile)(process.execPath, command, { cwd }).catch(
    (error: unknown) => error as { stdout: string; stderr: string; signal?: string },
  );
  if (result.stdout.endsWith('loads')) return { check, status: 'ok', detail: result.stdout };
  if (result.stdout === '') {
    return { check, status: 'note', detail: `not installed: ${effect}`, remedy: withoutModels };
  }
  const reason = /^\w*Error\b.*: .*$/m.exec(result.stderr)?.[0] ?? 'its process ended';
  return { check, status: 'failed', detail: `does not load: ${reason}`, remedy: `Run \`npm ci\` in ${installation}.` };
}

/** A tiny model on each execution provider, and what CUDA lacks. */
async function checkProviders({ environment, options }: CommandContext): Promise<Finding[]> {
  const providers = (environment.EXECUTION_PROVIDERS ?? '').split(',').map((name) => name.trim());
  const folder = join(installation, 'packages/inference');
  const onnxRuntime = packageDirectory('onnxruntime-node', folder);
  const places = {
    platform: `${process.platform}/${process.arch}`,
    driverVersionFile: '/proc/driver/nvidia/version',
    smi: 'nvidia-smi',
    libraryDirectories: await loaderDirectories(environment.LD_LIBRARY_PATH),
    onnxRuntime,
    runOnCuda: () => tinyRun('cuda', folder),
  };
  const cuda = await checkCuda(places, options.cuda === true || providers.includes('cuda'));
  return onnxRuntime === undefined ? cuda : [checkCpuRun(await tinyRun('cpu', folder)), ...cuda];
}

/** Where a package is that another one depends on; it is not loaded. */
function packageDirectory(name: string, dependent: string): string | undefined {
  try {
    return dirname(dirname(createRequire(`${dependent}/`).resolve(name)));
  } catch {
    return undefined;
  }
}

async function checkModels({ environment }: CommandContext): Promise<Finding> {
  const { MODELS_DIR: directory } = directoriesOf(environment);
  const folders = await readdir(directory).catch(() => []);
  const bundles = folders.filter((folder) => existsSync(join(directory, folder, 'bundle.json')));
  const check = 'models';
  if (bundles.length > 0) return { check, status: 'ok', detail: `${bundles.join(', ')} in ${directory}` };
  const remedy = '`tessera serve` and `npm run models` build them.';
  return { check, status: 'note', detail: `none in ${directory} yet`, remedy };
}

async function checkRedis({ environment: { REDIS_URL: url } }: CommandContext): Promise<Finding> {
  const check = 'Redis';
  if (url === undefined || url === '') {
    return { check, status: 'ok', detail: 'not used: REDIS_URL is not set, the embedded queue is used' };
  }
  let reason = 'it does not answer';
  const onError = (error: Error) => (reason = error.message === '' ? error.name : error.message);
  const connection = await RedisConnection.open({ url, onError, operationTimeoutMs: 2_000 });
  try {
    await connection.run((client) => client.ping());
    return { check, status: 'ok', detail: 'answers' };
  } catch {
    const remedy = 'Start it, or correct REDIS_URL.';
    return { check, status: 'failed', detail: `cannot be reached: ${reason}`, remedy };
  } finally {
    connection.close();
  }
}

/** A service that is not running is broken where one was named. */
async function checkService({ serviceUrl, options, environment, signal }: CommandContext): Promise<Finding> {
  const apiKey = textOption(options, 'api-key') ?? environment.TESSERA_CLIENT_API_KEY;
  const isNamed = options.url !== undefined || environment.TESSERA_CLIENT_URL !== undefined;
  const client = new TesseraClient({ url: serviceUrl, apiKey, retries: 0, timeoutMs: 5_000 });
  const check = 'service';
  try {
    const { workers } = await client.ready({ signal });
    const models = new Set(workers.flatMap((worker) => worker.models));
    return { check, status: 'ok', detail: `${serviceUrl.href} is ready: ${[...models].join(', ')}` };
  } catch (error) {
    if (ServiceError.isInstance(error)) return { check, status: 'failed', detail: explain(error) };
    const detail = `${serviceUrl.href} does not answer`;
    return { check, status: isNamed ? 'failed' : 'note', detail, remedy: 'Start it with `tessera serve`.' };
  }
}
