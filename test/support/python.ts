import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { repositoryRoot } from './repository-copy.js';

const run = promisify(execFile);

/** Reason for leaving out tests that need Python, or false when they have to run. */
export const pythonSkipReason: string | false = process.env.PYTHON_TESTS === 'skip' && 'PYTHON_TESTS=skip';

/**
 * The Python of a virtual environment with the client and what its tests need. `PYTHON_ENVIRONMENT` names one that has them
 * already; otherwise it is made in the directory.
 */
export async function provideClientEnvironment(directory: string): Promise<string> {
  const given = process.env.PYTHON_ENVIRONMENT;
  if (given !== undefined && existsSync(join(given, 'bin/python'))) return join(given, 'bin/python');
  const python = join(directory, 'bin/python');
  await run('python3', ['-m', 'venv', directory]);
  const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--only-binary=:all:'];
  await run(python, [...install, 'clients/python[test]'], { cwd: repositoryRoot });
  const requirements = ['--no-deps', '-r', 'clients/python/service_tests/requirements.txt'];
  await run(python, [...install, ...requirements], { cwd: repositoryRoot });
  return python;
}

/**
 * The Python of `PYTHON_ENVIRONMENT` when it has what exporting models takes. It is not fetched here: PyTorch takes
 * gigabytes.
 */
const exporterPython = join(process.env.PYTHON_ENVIRONMENT ?? '', 'bin/python');

/** Reason for leaving out tests of the exporters, or false when they have to run. */
export async function exporterSkipReason(): Promise<string | false> {
  if (pythonSkipReason !== false) return pythonSkipReason;
  const modules = 'import onnxruntime, safetensors, torch, transformers';
  const isThere = await run(exporterPython, ['-c', modules]).then(
    () => true,
    () => false,
  );
  return !isThere && "PYTHON_ENVIRONMENT is no environment with pip install -e 'training[test]'";
}

/** Runs Python in `training/` with what its exporters need; gives what it printed on the standard output. */
export async function runTraining(...words: readonly string[]): Promise<string> {
  const { stdout } = await run(exporterPython, [...words], {
    cwd: join(repositoryRoot, 'training'),
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
    maxBuffer: 1 << 26,
  });
  return stdout;
}
