import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';

const packages = fileURLToPath(new URL('../../', import.meta.url));

/** The client, and what it depends on. */
for (const name of ['client', 'contracts', 'masks']) {
  describe(`@tessera/${name}, packed`, () => {
    const pkgDir = join(packages, name);
    let directory: string;
    let tarball: Buffer;
    let files: string[];

    before(async () => {
      directory = await mkdtemp(join(tmpdir(), 'tessera-pack-'));
      const pack = ['pack', '--json', '--pack-destination', directory];
      const { stdout } = await promisify(execFile)('npm', pack, { cwd: pkgDir });
      const [packed] = JSON.parse(stdout) as [{ filename: string; files: { path: string }[] }];
      tarball = await readFile(join(directory, packed.filename));
      files = packed.files.map(({ path }) => path);
    });

    after(() => rm(directory, { recursive: true }));

    it('has code and types, no tests and nothing else', () => {
      assert.ok(files.includes('dist/index.js') && files.includes('dist/index.d.ts'));
      const expected = /^(dist\/.*(?<!\.test)\.(js|d\.ts)|package\.json|README\.md|LICENSE)$/;
      assert.deepEqual(
        files.filter((file) => !expected.test(file)),
        [],
      );
    });

    it('has the licence of the repository', async () => {
      assert.ok(files.includes('LICENSE'));
      const [own, repository] = await Promise.all(
        [pkgDir, join(packages, '..')].map((folder) => readFile(join(folder, 'LICENSE'), 'utf8')),
      );
      assert.equal(own, repository);
    });

    it('has exports that publint finds no fault with', async () => {
      const buffer = new Uint8Array(tarball).buffer;
      const { messages, pkg } = await publint({ pack: { tarball: buffer }, level: 'warning' });
      assert.deepEqual(
        messages.map((message) => formatMessage(message, pkg)),
        [],
      );
    });

    it('has types that every resolution of an ES module finds', async () => {
      const analysis = await checkPackage(createPackageFromTarballData(new Uint8Array(tarball)));
      assert.ok(analysis.types);
      // An ES module alone: CommonJS takes it by import() or, from Node 20.19 on, by require().
      const problems = analysis.problems.filter(
        (problem) =>
          problem.kind !== 'CJSResolvesToESM' && !('resolutionKind' in problem && problem.resolutionKind === 'node10'),
      );
      assert.deepEqual(problems, []);
    });
  });
}
