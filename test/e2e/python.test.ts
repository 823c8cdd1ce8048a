import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { writeShapes } from '../support/compositions.js';
import { startProcess } from '../support/process.js';
import { linkModels } from '../support/models.js';
import { provideClientEnvironment, pythonSkipReason } from '../support/python.js';
import { repositoryRoot } from '../support/repository-copy.js';
import { drawnPicture } from '../support/requests.js';
import { startEmbedded, type HttpService } from '../support/services.js';

describe('Python programs and the service', { skip: pythonSkipReason, timeout: 600_000 }, () => {
  let directory: string;
  let python: string;
  let service: HttpService;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tessera-python-'));
    await writeFile(join(directory, 'photo.jpg'), await drawnPicture());
    await mkdir(join(directory, 'photos'));
    for (const serial of [1, 2]) await writeFile(join(directory, `photos/${serial}.jpg`), await drawnPicture(serial));
    await writeShapes(join(directory, 'shapes'), 3);
    [python, service] = await Promise.all([
      provideClientEnvironment(join(directory, 'environment')),
      startEmbedded({
        DATA_DIR: join(directory, 'data'),
        MODELS_DIR: linkModels('tessera-mini', 'tessera-dual'),
        LOG_LEVEL: 'silent',
      }),
    ]);
    const annotations = join(directory, 'annotations.json');
    const words = ['segment', join(directory, 'photos'), 'the stop sign', '--coco', annotations, '--url', service.url];
    const command = startProcess('node', ['packages/cli/bin/tessera.js', ...words]);
    assert.equal(await command.exitCode(), 0, command.output());
  });

  after(async () => {
    await service.process.stop('SIGTERM');
    await rm(directory, { recursive: true, force: true });
  });

  for (const [name, file] of [
    ['the client', 'test_client.py'],
    ['annotations of a directory, read by pycocotools', 'test_coco_file.py'],
    ['predictions for Label Studio, read by its own decoder', 'test_label_studio.py'],
    ['a public client of the Open Inference Protocol', 'test_open_inference.py'],
    ['a client that is generated from the OpenAPI document', 'test_openapi_document.py'],
  ] as const) {
    it(name, async () => {
      const tests = ['-m', 'pytest', '-q', '-p', 'no:cacheprovider', `clients/python/service_tests/${file}`];
      const running = promisify(execFile)(python, tests, {
        cwd: repositoryRoot,
        env: {
          ...process.env,
          TESSERA_SERVICE_URL: service.url,
          TESSERA_TEST_FILES: directory,
          PYTHONDONTWRITEBYTECODE: '1',
        },
        maxBuffer: 1 << 26,
      });
      const { code, stdout } = await running.then(
        (streams) => ({ code: 0, ...streams }),
        (error: unknown) => error as { code: number; stdout: string },
      );
      assert.equal(code, 0, stdout);
    });
  }
});
