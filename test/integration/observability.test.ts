import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ConfigSchema, parseConfig } from '@tessera/contracts';
import { parse } from 'yaml';
import { repositoryRoot } from '../support/repository-copy.js';

const read = (file: string) => readFile(join(repositoryRoot, file), 'utf8');

test('the alert rules and the dashboard name metrics that the services have', async () => {
  const sources = await Promise.all(
    ['services/gateway/src/metrics.ts', 'services/worker/src/worker-metrics.ts'].map((file) => read(file)),
  );
  const declared = Array.from(sources.join('\n').matchAll(/name: '(tessera_\w+)',/g), ([, name]) => name);
  assert.ok(declared.length > 15);
  for (const file of ['alerts.yml', 'dashboard.json']) {
    const text = await read(`deploy/observability/${file}`);
    const named = new Set(
      Array.from(text.matchAll(/\btessera_\w+/g), ([name]) => name.replace(/_(bucket|sum|count)$/, '')),
    );
    assert.ok(named.size > 5);
    const unknown = [...named].filter((name) => !declared.includes(name));
    assert.deepEqual(unknown, [], file);
  }
});

interface ComposeFile {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

interface ComposeService {
  readonly image: string;
  readonly stop_grace_period?: string;
  readonly profiles?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly depends_on?: readonly string[] | Readonly<Record<string, unknown>>;
}

async function readCompose(): Promise<ComposeFile> {
  return parse(await read('docker-compose.yml'), { merge: true }) as ComposeFile;
}

test('docker compose passes settings that the services have, and what metrics, keys and traces need', async () => {
  const { services } = await readCompose();
  // Read by OpenTelemetry's SDK alone.
  const known = [...Object.keys(ConfigSchema.properties), 'OTEL_RESOURCE_ATTRIBUTES'];
  for (const name of ['gateway', 'worker', 'worker-gpu']) {
    const environment = services[name]?.environment ?? assert.fail(name);
    assert.deepEqual(
      Object.keys(environment).filter((setting) => !known.includes(setting)),
      [],
      name,
    );
    assert.equal(environment.REDIS_URL, 'redis://redis:6379', name);
    assert.equal(environment.OTEL_EXPORTER_OTLP_ENDPOINT, '${OTEL_EXPORTER_OTLP_ENDPOINT:-}', name);
    assert.equal(environment.API_KEYS_FILE, '${API_KEYS_FILE:-}', name);
  }
  for (const name of ['worker', 'worker-gpu']) {
    assert.equal(services[name]?.environment?.TESSERA_METRICS_PORT, '${TESSERA_METRICS_PORT:-9464}');
  }
});

test('docker compose lets each of our services drain before it is killed', async () => {
  const { services } = await readCompose();
  const ours = Object.entries(services).filter(([, { image }]) => image.startsWith('tessera'));
  assert.equal(ours.length, 3);
  // Connections and child processes end after the drain.
  const leastSeconds = parseConfig({}).TESSERA_DRAIN_S + 5;
  for (const [name, { stop_grace_period: period = '10s' }] of ours) {
    assert.ok(Number(/^(\d+)s$/.exec(period)?.[1]) > leastSeconds, name);
  }
});

test('docker compose names services, volumes and files that are there', async () => {
  const { services, volumes } = await readCompose();
  const observing = Object.keys(services).filter((name) => services[name]?.profiles?.includes('observability'));
  assert.deepEqual(observing, ['prometheus', 'jaeger', 'grafana']);
  for (const [name, service] of Object.entries(services)) {
    const needed = Array.isArray(service.depends_on) ? service.depends_on : Object.keys(service.depends_on ?? {});
    for (const other of needed) assert.ok(Object.hasOwn(services, String(other)), `${name} needs ${String(other)}`);
    for (const [source = ''] of (service.volumes ?? []).map((volume) => volume.split(':'))) {
      if (!source.startsWith('./')) assert.ok(Object.hasOwn(volumes, source), `${name}: ${source}`);
      else if (source !== './keys') await read(source);
    }
  }
});

test('Prometheus and Grafana are pointed at services of docker compose', async () => {
  const { services } = await readCompose();
  const { scrape_configs: jobs } = parse(await read('deploy/observability/prometheus.yml')) as {
    scrape_configs: { dns_sd_configs: { names: string[] }[] }[];
  };
  const scraped = jobs.flatMap((job) => job.dns_sd_configs.flatMap(({ names }) => names));
  const { datasources } = parse(await read('deploy/observability/grafana/datasources.yml')) as {
    datasources: { url: string }[];
  };
  const hosts = datasources.map(({ url }) => new URL(url).hostname);
  for (const name of [...scraped, ...hosts]) assert.ok(Object.hasOwn(services, name), name);
  assert.ok(scraped.length >= 2 && hosts.length === 2);
});
