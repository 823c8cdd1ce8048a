import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { decodeRle, maskArea } from '@tessera/masks';
import sharp from 'sharp';
import { startProcess } from '../support/process.js';
import { bodyOf, drawnPicture, finishedJob, postJob, postSegment } from '../support/requests.js';
import { inferencePid, startEmbedded, type HttpService } from '../support/services.js';

let directory: string;
let environment: { readonly DATA_DIR: string };
let service: HttpService;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tessera-embedded-'));
  environment = { DATA_DIR: directory };
  service = await startEmbedded(environment);
});

after(async () => {
  await service.process.stop('SIGKILL');
  await rm(directory, { recursive: true, force: true });
});

test('a picture and a query are answered with a mask that decodes to its area', async () => {
  const response = await postSegment(service.url, await drawnPicture(), 'the stop sign');
  assert.equal(response.status, 200);
  const body = await bodyOf(response);
  const [result] = body.results;
  assert.equal(result.present, true);
  const mask = decodeRle(result.mask);
  assert.deepEqual([mask.height, mask.width], [480, 640]);
  assert.equal(maskArea(mask), result.area);
  assert.equal(mask.data[190 * 640 + 230], 1, 'a point on the sign');
  assert.equal(mask.data[20 * 640 + 20], 0, 'a point in the sky');
});

test('the metrics of gateway and worker are at one place', async () => {
  assert.equal((await postSegment(service.url, await drawnPicture(7), 'the stop sign')).status, 200);
  const scrape = async () => (await fetch(`${service.url}/metrics`)).text();
  // The end of a job is counted a moment after its answer.
  for (let look = 0; look < 50 && !(await scrape()).includes('tessera_jobs_ended_total{kind="segment"'); look++)
    await delay(100);
  const text = await scrape();
  assert.match(text, /tessera_jobs_ended_total\{kind="segment",status="succeeded",code=""\} [1-9]/);
  assert.match(text, /tessera_worker_attempts_total\{kind="segment",outcome="succeeded",code=""\} [1-9]/);
  assert.match(text, /tessera_worker_running_jobs \d/);
  assert.match(text, /tessera_worker_device_ready\{device="0",provider="cpu"\} 1/);
  assert.match(text, /tessera_worker_inference_restarts_total\{device="0"\} \d/);
  assert.equal(text.match(/^# HELP process_resident_memory_bytes/gm)?.length, 1);
});

test('accept: image/png is answered with the photo and the mask drawn over it', async () => {
  const picture = await drawnPicture();
  const headers = { accept: 'image/png' };
  const response = await postSegment(service.url, picture, 'the stop sign', { headers });
  assert.deepEqual([response.status, response.headers.get('content-type')], [200, 'image/png']);
  const pixelsOf = (file: Buffer | ArrayBuffer) => sharp(file).raw().toBuffer();
  const [before, after] = await Promise.all([pixelsOf(picture), pixelsOf(await response.arrayBuffer())]);
  assert.equal(after.length, before.length);
  const differenceAt = (x: number, y: number) => {
    const pixel = 3 * (y * 640 + x);
    return Math.max(
      ...[0, 1, 2].map((channel) => Math.abs((after[pixel + channel] ?? 0) - (before[pixel + channel] ?? 0))),
    );
  };
  assert.ok(differenceAt(230, 190) > 20, 'a point on the sign');
  assert.ok(differenceAt(20, 20) < 5, 'a point in the sky');
});

test('polygons have a fraction of the points of exact ones, the same area, and the same points every time', async () => {
  const answer = async (output: object) => {
    const options = { output: { format: 'polygon', ...output } };
    const { results } = await bodyOf(
      await postSegment(service.url, await drawnPicture(), 'the stop sign', { options }),
    );
    return results[0];
  };
  const [exact, simple] = [await answer({ tolerance: 0 }), await answer({})];
  const pointsIn = (polygons: number[][]) => polygons.flat().length / 2;
  assert.ok(pointsIn(simple.mask.polygons) < pointsIn(exact.mask.polygons) / 3);
  const areaOf = (polygons: number[][]) => polygons.reduce((sum, polygon) => sum + shoelace(polygon), 0);
  assert.equal(areaOf(exact.mask.polygons), exact.area);
  assert.ok(Math.abs(areaOf(simple.mask.polygons) / exact.area - 1) < 0.02);
  assert.deepEqual((await answer({ tolerance: 1 })).mask, simple.mask);
});

/** Area inside a polygon, as COCO's tools count it; negative for a hole. */
function shoelace(polygon: readonly number[]): number {
  const at = (index: number) => polygon[index % polygon.length] ?? 0;
  let doubled = 0;
  for (let index = 0; index < polygon.length; index += 2) {
    doubled += at(index) * at(index + 3) - at(index + 2) * at(index + 1);
  }
  return doubled / 2;
}

test('a service that is ready says so and names its models', async () => {
  const response = await fetch(`${service.url}/readyz`);
  assert.equal(response.status, 200);
  const body = await bodyOf(response);
  assert.deepEqual(body.workers[0].models?.toSorted(), ['tessera-baseline', 'tessera-dual', 'tessera-mini']);
  assert.equal(body.workers[0].execution_provider, 'cpu');
});

test('a second process on the same data directory refuses to start and names the first', async () => {
  const second = startProcess('node', ['services/standalone/dist/main.js'], { ...environment, PORT: '0' });
  await second.waitForOutput(new RegExp(String(service.process.child.pid)), 30_000);
  assert.equal(await second.exitCode(), 1);
});

test('an inference process that is killed is replaced, and its job is answered', async () => {
  const picture = await drawnPicture(1);
  const pid = inferencePid(service.process);
  const answer = postSegment(service.url, picture, 'the stop sign');
  await new Promise((resolve) => setTimeout(resolve, 250));
  process.kill(pid, 'SIGKILL');
  const response = await answer;
  assert.equal(response.status, 200);
  assert.notEqual(inferencePid(service.process), pid);
});

test('jobs accepted before the whole process is killed are answered after it starts again', async () => {
  const ids = await Promise.all(
    Array.from({ length: 4 }, async (_, index) =>
      postJob(service.url, await drawnPicture(10 + index), 'the stop sign'),
    ),
  );
  await service.process.stop('SIGKILL');
  service = await startEmbedded(environment);
  for (const id of ids) {
    const job = await finishedJob(service.url, id);
    assert.equal(job.status, 'succeeded');
    assert.equal(job.result?.results[0]?.present, true);
  }
});

test('SIGTERM lets an open request finish, then ends the process cleanly', async () => {
  const answer = postSegment(service.url, await drawnPicture(20), 'the stop sign');
  await new Promise((resolve) => setTimeout(resolve, 250));
  const exitCode = service.process.stop('SIGTERM');
  assert.equal((await answer).status, 200);
  assert.equal(await exitCode, 0);
});
