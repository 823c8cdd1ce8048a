import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cudaLibraries, leastDriver } from './cuda-libraries.js';
import type { Finding } from './finding.js';
import { librariesIn } from './shared-libraries.js';
import type { TinyRun } from './tiny-run.js';

/** Where the parts of CUDA are looked for. */
export interface CudaPlaces {
  /** `process.platform`/`process.arch`, as `linux/x64`. */
  readonly platform: string;
  /** The file in which the driver's kernel module says its version. */
  readonly driverVersionFile: string;
  /** The program `nvidia-smi`, by name or path. */
  readonly smi: string;
  /** Where the system's loader looks for shared libraries. */
  readonly libraryDirectories: readonly string[];
  /** The directory of the installed package onnxruntime-node; undefined when it is not installed. */
  readonly onnxRuntime: string | undefined;
  /** Runs a tiny model on CUDA. */
  readonly runOnCuda: () => Promise<TinyRun>;
}

interface Driver {
  readonly version: string | undefined;
  /** `NVIDIA L4 (23034 MiB)`, one for each. */
  readonly devices: readonly string[];
}

const install =
  'Ubuntu: `sudo ubuntu-drivers install --gpgpu`; Debian (component non-free): `sudo apt-get install nvidia-driver`; ' +
  'in a container: start it with `--gpus all`.';
const repository = 'they are in NVIDIA’s package repository, https://developer.download.nvidia.com/compute/cuda/repos/';

/**
 * Looks for everything that ONNX Runtime needs to run a model on CUDA, and runs one. Without a driver, and when CUDA is
 * not needed, that is a single note.
 *
 * @param isNeeded - whether what is missing counts as broken
 */
export async function checkCuda(places: CudaPlaces, isNeeded: boolean): Promise<Finding[]> {
  const driver = await findDriver(places);
  if (driver === undefined && !isNeeded) {
    const detail = 'no NVIDIA driver: models run on the processor';
    return [{ check: 'CUDA', status: 'note', detail, remedy: '`tessera doctor --cuda` checks all that CUDA needs.' }];
  }
  const libraries = await librariesIn(places.libraryDirectories);
  const found = [
    checkDriver(driver, libraries),
    checkProvider(places),
    checkLibraries(libraries),
    await checkRun(places),
  ];
  return found.map((finding) => (finding.status === 'failed' && !isNeeded ? { ...finding, status: 'note' } : finding));
}

async function findDriver({ smi, driverVersionFile }: CudaPlaces): Promise<Driver | undefined> {
  const query = ['--query-gpu=name,memory.total,driver_version', '--format=csv,noheader'];
  const { stdout } = await promisify(execFile)(smi, query, { timeout: 30_000 }).catch(() => ({ stdout: '' }));
  const rows = stdout.split('\n').flatMap((line) => {
    const [name, memory, version] = line.split(',').map((cell) => cell.trim());
    return version === undefined ? [] : [{ device: `${name} (${memory})`, version }];
  });
  if (rows.length > 0) return { version: rows[0]?.version, devices: rows.map(({ device }) => device) };
  const text = await readFile(driverVersionFile, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  return { version: /Kernel Module.*?\s(\d+(?:\.\d+)+)/.exec(text)?.[1], devices: [] };
}

function checkDriver(driver: Driver | undefined, libraries: ReadonlySet<string>): Finding {
  const check = 'NVIDIA driver';
  if (driver === undefined) {
    return { check, status: 'failed', detail: 'not found', remedy: `Install it, ${leastDriver} or newer. ${install}` };
  }
  const { version, devices } = driver;
  const detail = [version ?? 'of an unknown version', ...devices].join(', ');
  if (version !== undefined && isOlder(version, leastDriver)) {
    const remedy = `CUDA 12 needs ${leastDriver} or newer. ${install}`;
    return { check, status: 'failed', detail, remedy };
  }
  if (devices.length === 0) {
    const remedy = `\`nvidia-smi\` names no GPU: look at what it prints. ${install}`;
    return { check, status: 'failed', detail: `${detail}, without a GPU`, remedy };
  }
  if (!libraries.has('libcuda.so.1')) {
    const remedy = 'Its directory belongs into LD_LIBRARY_PATH. In a container: start it with `--gpus all`.';
    return { check, status: 'failed', detail: `${detail}; the loader does not find libcuda.so.1`, remedy };
  }
  return { check, status: 'ok', detail };
}

function checkProvider({ platform, onnxRuntime }: CudaPlaces): Finding {
  const check = 'CUDA provider';
  if (onnxRuntime === undefined) {
    const remedy = 'Run `npm ci` without --omit=optional.';
    return { check, status: 'failed', detail: 'onnxruntime-node is not installed', remedy };
  }
  if (platform !== 'linux/x64') {
    const remedy = 'Run the worker on Linux with an x86-64 processor.';
    return { check, status: 'failed', detail: `onnxruntime-node has none for ${platform}`, remedy };
  }
  const directory = join(onnxRuntime, 'bin/napi-v6', platform);
  const missing = ['libonnxruntime_providers_cuda.so', 'libonnxruntime_providers_shared.so'].filter(
    (name) => !existsSync(join(directory, name)),
  );
  if (missing.length === 0) return { check, status: 'ok', detail: `installed in ${directory}` };
  const remedy =
    `npm does not carry them; a script fetches them from https://api.nuget.org:\n` +
    `cd '${onnxRuntime}' && ONNXRUNTIME_NODE_INSTALL=cuda12 node script/install.js`;
  return { check, status: 'failed', detail: `${missing.join(' and ')} missing in ${directory}`, remedy };
}

function checkLibraries(libraries: ReadonlySet<string>): Finding {
  const check = 'CUDA libraries';
  const missing = cudaLibraries.filter(({ name }) => !libraries.has(name));
  if (missing.length === 0) {
    return { check, status: 'ok', detail: cudaLibraries.map(({ name }) => name).join(', ') };
  }
  const names = missing.map(({ name }) => {
    const [base = ''] = name.split(/(?<=\.so)/);
    const others = [...libraries].filter((other) => /^\.\d+$/.test(other.slice(base.length)) && other.startsWith(base));
    return others.length === 0 ? name : `${name} (there is ${others.sort().join(', ')})`;
  });
  const packages = (from: 'apt' | 'pip') => [...new Set(missing.map((library) => library[from]))].join(' ');
  const remedy =
    `Debian and Ubuntu: \`sudo apt-get install ${packages('apt')}\` (${repository}).\n` +
    `Without root: \`pip install ${packages('pip')}\`, and every site-packages/nvidia/*/lib in LD_LIBRARY_PATH.`;
  return { check, status: 'failed', detail: `not found: ${names.join(', ')}`, remedy };
}

async function checkRun({ runOnCuda }: CudaPlaces): Promise<Finding> {
  const check = 'model on cuda';
  const run = await runOnCuda();
  if (run.isRight) return { check, status: 'ok', detail: 'a tiny model gives the right values' };
  const remedy =
    'The checks above say what is missing. Where they find nothing, the driver and the libraries do not fit.';
  return { check, status: 'failed', detail: `a tiny model fails: ${run.reason}`, remedy };
}

function isOlder(version: string, least: string): boolean {
  const [own, other] = [version, least].map((text) => text.split('.').map(Number));
  for (const [place, number] of (other ?? []).entries()) {
    const difference = (own?.[place] ?? 0) - number;
    if (difference !== 0) return difference < 0;
  }
  return false;
}
