import { execFile, spawnSync } from 'node:child_process';
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

/** Python of `PYTHON_ENVIRONMENT`, for what needs the packages of `training[test]`: too large to be fetched by a test. */
export const trainingPython = join(process.env.PYTHON_ENVIRONMENT ?? '/nowhere', 'bin/python');

/** Reason for leaving out tests that need it, or false when they have to run. */
export const trainingSkipReason: string | false =
  pythonSkipReason ||
  (hasTrainingPackages()
    ? false
    : "PYTHON_ENVIRONMENT names no virtual environment with the training: pip install -e 'training[test]' there");

function hasTrainingPackages(): boolean {
  const modules = ['torch', 'onnx', 'transformers', 'safetensors', 'sentencepiece', 'tokenizers'];
  const code = `import importlib.util as u, sys; sys.exit(any(u.find_spec(m) is None for m in ${JSON.stringify(modules)}))`;
  return existsSync(trainingPython) && spawnSync(trainingPython, ['-c', code]).status === 0;
}

/** Runs that Python in `training/`; gives what it printed on the standard output. */
export async function runTraining(...words: readonly string[]): Promise<string> {
  const { stdout } = await run(trainingPython, [...words], {
    cwd: join(repositoryRoot, 'training'),
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
    maxBuffer: 1 << 26,
  });
  return stdout;
}
