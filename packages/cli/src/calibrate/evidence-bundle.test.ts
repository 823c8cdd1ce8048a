import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { probability } from '@tessera/runtime';
import { tessera } from '../test-command.js';
import { linkEvidenceBundle, readLisaManifest, segLogOdds, writeCalibration } from './evidence-bundle.js';

let models: string;
let bundle: string;

before(async () => {
  models = await mkdtemp(join(tmpdir(), 'tessera-calibrate-'));
  bundle = join(models, 'lisa-7b');
  await mkdir(bundle);
  await writeFile(join(bundle, 'graph.onnx'), 'graph');
  const settings = { seg_token: 32_003, presence_calibration: { bias: 0, weights: [1, 0] }, is_calibrated: false };
  const manifest = { name: 'lisa-7b', version: '1', pipeline: 'lisa', settings, files: { 'graph.onnx': {} } };
  await writeFile(join(bundle, 'bundle.json'), JSON.stringify(manifest));
});
after(() => rm(models, { recursive: true }));

describe('a bundle that is calibrated', () => {
  it('is linked beside itself with scores that are the log-odds of [SEG]', async () => {
    const { modelsDirectory, close } = await linkEvidenceBundle(bundle, await readLisaManifest(bundle));
    const linked = join(modelsDirectory, 'lisa-7b');
    assert.equal((await stat(join(linked, 'graph.onnx'))).ino, (await stat(join(bundle, 'graph.onnx'))).ino);
    const text = await readFile(join(linked, 'bundle.json'), 'utf8');
    const { settings } = JSON.parse(text) as {
      settings: { presence_calibration: { bias: number; weights: number[] } };
    };
    for (const logOdds of [-40, -1.5, 0, 12]) {
      const score = probability(settings.presence_calibration, [3, logOdds]);
      assert.ok(Math.abs(segLogOdds(score) - logOdds) < 1e-6, `${logOdds}`);
    }
    await close();
    assert.deepEqual(await readdir(models), ['lisa-7b']);
  });

  it('keeps all else of its manifest, and has a version for each calibration', async () => {
    await writeCalibration(bundle, await readLisaManifest(bundle), { bias: 0.5, weights: [1, 2] });
    const first = await readLisaManifest(bundle);
    assert.match(first.version, /^1-calibrated-[0-9a-f]{8}$/);
    assert.deepEqual(first.settings, {
      seg_token: 32_003,
      presence_calibration: { bias: 0.5, weights: [1, 2] },
      is_calibrated: true,
    });
    await writeCalibration(bundle, first, { bias: 0.6, weights: [1, 2] });
    const second = await readLisaManifest(bundle);
    assert.match(second.version, /^1-calibrated-[0-9a-f]{8}$/);
    assert.notEqual(second.version, first.version);
    assert.deepEqual((await readdir(bundle)).sort(), ['bundle.json', 'graph.onnx']);
  });
});

describe('`bundle calibrate`', () => {
  it('says what is missing or of another kind', async () => {
    const { code, errors } = await tessera(['bundle', 'calibrate', bundle, '--dataset', 'flickr', '--root', models]);
    assert.equal(code, 2);
    assert.match(errors, /--dataset is one of reasonseg, refcoco, coco, folder/);
    const words = ['--dataset', 'folder', '--root', models];
    const absent = await tessera(['bundle', 'calibrate', join(models, 'nowhere'), ...words]);
    assert.match(absent.errors, /bundle\.json cannot be read; name the directory of a bundle/);
    await mkdir(join(models, 'other'));
    await writeFile(join(models, 'other/bundle.json'), '{"pipeline": "dual-encoder"}');
    const other = await tessera(['bundle', 'calibrate', join(models, 'other'), ...words]);
    assert.match(other.errors, /of the pipeline dual-encoder; bundles of lisa alone/);
  });
});
