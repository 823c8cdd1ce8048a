import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { linkModels } from '../support/models.js';
import { bodyOf, drawnPicture, postSegment } from '../support/requests.js';
import { startEmbedded, type HttpService } from '../support/services.js';

const photosAtOnce = 6;
const query = 'the stop sign';

/** What does not depend on when and where an answer was made. */
interface Answer {
  readonly status: number;
  readonly results: unknown;
}

describe('side processes of an embedded service', () => {
  let directory: string;
  let service: HttpService;
  let serial = 0;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tessera-side-'));
    const MODELS_DIR = linkModels('tessera-baseline');
    service = await startEmbedded({ DATA_DIR: directory, MODELS_DIR, TESSERA_SIDE_PROCESSES: '2' });
  });

  after(async () => {
    await service.process.stop('SIGKILL');
    await rm(directory, { recursive: true, force: true });
  });

  /** Ids of those that have been ready so far. */
  function sidePids(): number[] {
    return service.process
      .output()
      .split('\n')
      .filter((line) => line.includes('inference process is ready') && line.includes('"side"'))
      .map((line) => (JSON.parse(line) as { inferencePid: number }).inferencePid);
  }

  /** The answer about a picture that the service has not seen; those of one shade are alike. */
  async function ask(shade: number): Promise<Answer> {
    serial += 1;
    const picture = Buffer.concat([await drawnPicture(shade), Buffer.from(`picture ${serial}`)]);
    const response = await postSegment(service.url, picture, query, { options: { refine: false } });
    return { status: response.status, results: (await bodyOf(response)).results };
  }

  /** Asks from several clients at once, again and again. */
  async function load(until: () => boolean): Promise<Map<number, Answer[]>> {
    const answers = new Map<number, Answer[]>();
    const endsAt = performance.now() + 60_000;
    const client = async (shade: number): Promise<void> => {
      const own: Answer[] = [];
      answers.set(shade, own);
      do own.push(await ask(shade));
      while (!until() && performance.now() < endsAt);
    };
    await Promise.all(Array.from({ length: photosAtOnce }, (_, shade) => client(shade)));
    return answers;
  }

  it('start under load, and answer as the process of the device does', async () => {
    const alone = [];
    for (let shade = 0; shade < photosAtOnce; shade += 1) alone.push(await ask(shade));
    assert.deepEqual(sidePids(), []);
    let askedSince = 0;
    const answers = await load(() => {
      if (sidePids().length === 2) askedSince += 1;
      return askedSince > 2 * photosAtOnce;
    });
    assert.equal(sidePids().length, 2, 'no side processes after a minute of load');
    for (const [shade, own] of answers) {
      for (const answer of own) assert.deepEqual(answer, alone[shade]);
    }
    const metrics = await (await fetch(`${service.url}/metrics`)).text();
    assert.match(metrics, /tessera_worker_inference_restarts_total\{device="0"\} 0/);
  });

  it('lose no request when they are killed', async () => {
    const killed = new Set<number>();
    const answers = await load(() => {
      const [latest] = sidePids().slice(-1);
      if (latest !== undefined && !killed.has(latest) && killed.size < 2) {
        process.kill(latest, 'SIGKILL');
        killed.add(latest);
      }
      return sidePids().length >= 4;
    });
    assert.equal(killed.size, 2);
    const statuses = [...answers.values()].flat().map(({ status }) => status);
    assert.deepEqual([...new Set(statuses)], [200]);
    const metrics = await (await fetch(`${service.url}/metrics`)).text();
    assert.match(metrics, /tessera_worker_inference_restarts_total\{device="0"\} 2/);
  });
});
