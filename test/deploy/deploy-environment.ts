import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const modules = ['helm_python', 'kubernetes_validate'];

/**
 * The directory of a virtual environment's programs, with those that check how the service is deployed. `PYTHON_ENVIRONMENT`
 * names one that may have them; otherwise it is made in the directory, of 110 MB of wheels.
 */
export async function provideDeployEnvironment(directory: string): Promise<string> {
  const given = join(process.env.PYTHON_ENVIRONMENT ?? '/nowhere', 'bin');
  const code = `import importlib.util as u, sys; sys.exit(any(u.find_spec(m) is None for m in ${JSON.stringify(modules)}))`;
  if (existsSync(join(given, 'hadolint')) && spawnSync(join(given, 'python'), ['-c', code]).status === 0) return given;
  await run('python3', ['-m', 'venv', directory]);
  const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--only-binary=:all:'];
  await run(join(directory, 'bin/python'), [...install, '-r', 'test/deploy/requirements.txt']);
  return join(directory, 'bin');
}
