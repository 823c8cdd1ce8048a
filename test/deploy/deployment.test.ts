import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parseConfig } from '@tessera/contracts';
import { pythonSkipReason } from '../support/python.js';
import { repositoryRoot } from '../support/repository-copy.js';
import { provideDeployEnvironment } from './deploy-environment.js';

interface Container {
  readonly image: string;
  readonly env: readonly { readonly name: string; readonly value?: string }[];
  readonly envFrom?: readonly object[];
  readonly securityContext: object;
  readonly resources: { readonly limits?: Readonly<Record<string, unknown>> };
}

/** The parts of a manifest that are looked at. */
interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly stringData?: Readonly<Record<string, string>>;
  readonly spec: {
    readonly replicas?: number;
    readonly scaleTargetRef?: { readonly name: string };
    readonly triggers?: readonly { readonly metadata: { readonly query: string; readonly threshold: string } }[];
    readonly template?: {
      readonly spec: {
        readonly securityContext: { readonly runAsNonRoot: boolean; readonly runAsUser: number };
        readonly terminationGracePeriodSeconds?: number;
        readonly containers: readonly Container[];
      };
    };
  };
}

/** Of the manifests that have none. */
const empty = { spec: {} };
const keys = '{"keys": []}';
const least = { redis: { url: 'rediss://:secret@redis.example.org:6380' }, apiKeys: { file: keys } };
const everything = {
  redis: { bundled: { enabled: true, storageClass: 'fast' } },
  apiKeys: { existingSecret: 'our-keys' },
  settingsSecrets: ['webhooks', 'traces'],
  imagePullSecrets: [{ name: 'registry' }],
  models: { existingClaim: 'bundles' },
  worker: { env: { TESSERA_MAX_BATCH: 4 }, nodeSelector: { disk: 'ssd' } },
  workerGpu: { enabled: true, affinity: { nodeAffinity: {} } },
  ingress: { enabled: true, className: 'nginx', tlsSecret: 'tls' },
  metrics: { serviceMonitor: { enabled: true, labels: { release: 'prometheus' }, keySecret: { name: 'scraper' } } },
  keda: { enabled: true },
};

describe('files for deploying the service', { skip: pythonSkipReason, timeout: 600_000 }, () => {
  let directory: string;
  let programs: string;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tessera-deploy-'));
    programs = await provideDeployEnvironment(join(directory, 'environment'));
  });

  after(() => rm(directory, { recursive: true }));

  function render(values: object): { manifests: Manifest[]; refusal: string } {
    const { status, stdout, stderr } = spawnSync(join(programs, 'python'), ['test/deploy/render.py'], {
      cwd: repositoryRoot,
      input: JSON.stringify({ chart: 'deploy/helm/tessera', values }),
      encoding: 'utf8',
    });
    return status === 0
      ? { manifests: (JSON.parse(stdout) as Manifest[]).map((manifest) => ({ ...empty, ...manifest })), refusal: '' }
      : { manifests: [], refusal: stderr };
  }

  function rendered(values: object): Manifest[] {
    const { manifests, refusal } = render(values);
    assert.equal(refusal, '');
    return manifests;
  }

  const named = (manifests: readonly Manifest[], kind: string, name: string) => {
    const found = manifests.find((manifest) => manifest.kind === kind && manifest.metadata.name === name);
    assert.ok(found, `${kind} ${name}`);
    return found;
  };

  for (const file of ['Dockerfile', 'Dockerfile.gpu']) {
    it(`${file} passes hadolint`, () => {
      const { status, stdout, stderr } = spawnSync(join(programs, 'hadolint'), [file], {
        cwd: repositoryRoot,
        encoding: 'utf8',
      });
      assert.equal(status, 0, stdout + stderr);
    });
  }

  it('the chart renders to what Kubernetes accepts, with few settings and with all', () => {
    const kinds = (values: object) => rendered(values).map(({ kind, metadata: { name } }) => `${kind} ${name}`);
    assert.deepEqual(kinds(least).sort(), [
      'Deployment demo-tessera-gateway',
      'Deployment demo-tessera-worker',
      'PodDisruptionBudget demo-tessera-gateway',
      'PodDisruptionBudget demo-tessera-worker',
      'Secret demo-tessera-keys',
      'Secret demo-tessera-redis',
      'Service demo-tessera',
    ]);
    assert.deepEqual(kinds(everything).sort(), [
      'Deployment demo-tessera-gateway',
      'Deployment demo-tessera-worker',
      'Deployment demo-tessera-worker-gpu',
      'Ingress demo-tessera',
      'PodDisruptionBudget demo-tessera-gateway',
      'PodDisruptionBudget demo-tessera-worker',
      'PodDisruptionBudget demo-tessera-worker-gpu',
      'PodMonitor demo-tessera-workers',
      'ScaledObject demo-tessera-worker',
      'ScaledObject demo-tessera-worker-gpu',
      'Secret demo-tessera-redis',
      'Service demo-tessera',
      'Service demo-tessera-redis',
      'ServiceMonitor demo-tessera-gateway',
      'StatefulSet demo-tessera-redis',
    ]);
  });

  it('every container runs as a user without rights, on a file system that it cannot write, and has limits', () => {
    for (const { spec, metadata } of [...rendered(least), ...rendered(everything)]) {
      if (spec.template === undefined) continue;
      const { securityContext, containers } = spec.template.spec;
      assert.equal(securityContext.runAsNonRoot, true, metadata.name);
      assert.ok(securityContext.runAsUser > 0);
      for (const container of containers) {
        assert.deepEqual(container.securityContext, {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
        assert.ok(container.resources.limits?.memory !== undefined);
      }
    }
  });

  it('every setting of a container is one of the service', () => {
    for (const { spec, metadata } of [...rendered(least), ...rendered(everything)]) {
      const [container] = spec.template?.spec.containers ?? [];
      if (container?.env === undefined) continue;
      const environment = Object.fromEntries(
        container.env.map(({ name, value }) => [name, name === 'REDIS_URL' ? 'redis://redis:6379' : value]),
      );
      const config = parseConfig(environment);
      assert.equal(config.HOST, '0.0.0.0', metadata.name);
    }
  });

  it('the stop of a pod leaves time for its drain', () => {
    const manifests = rendered({ ...least, drainSeconds: 50, preStopSeconds: 5 });
    const graceOf = (name: string) =>
      named(manifests, 'Deployment', name).spec.template?.spec.terminationGracePeriodSeconds;
    assert.deepEqual([graceOf('demo-tessera-gateway'), graceOf('demo-tessera-worker')], [65, 60]);
  });

  it('KEDA scales workers, whose number the chart then leaves alone, on the backlog of the gateways', () => {
    const manifests = rendered(everything);
    const { scaleTargetRef, triggers } = named(manifests, 'ScaledObject', 'demo-tessera-worker').spec;
    assert.deepEqual(scaleTargetRef, { name: 'demo-tessera-worker' });
    assert.equal(
      triggers?.[0]?.metadata.query,
      'max(sum by (instance) (tessera_queue_waiting_jobs{namespace="prod"}))',
    );
    assert.equal(named(manifests, 'Deployment', 'demo-tessera-worker').spec.replicas, undefined);
    assert.equal(named(rendered(least), 'Deployment', 'demo-tessera-worker').spec.replicas, 1);
  });

  it('settings that are secrets come from Secrets, for gateways and workers', () => {
    const fromSecrets = (values: object) =>
      rendered(values)
        .filter(({ kind }) => kind === 'Deployment')
        .map(({ spec }) => spec.template?.spec.containers[0]?.envFrom);
    const both = everything.settingsSecrets.map((name) => ({ secretRef: { name } }));
    assert.deepEqual(fromSecrets(everything), [both, both, both]);
    assert.deepEqual(fromSecrets(least), [undefined, undefined]);
  });

  it('secrets are in Secrets alone', () => {
    const manifests = rendered(least);
    const others = manifests.filter(({ kind }) => kind !== 'Secret');
    assert.equal(JSON.stringify(others).includes('secret@'), false);
    assert.deepEqual(named(manifests, 'Secret', 'demo-tessera-redis').stringData, { url: least.redis.url });
    assert.deepEqual(named(manifests, 'Secret', 'demo-tessera-keys').stringData, { 'keys.json': keys });
  });

  for (const [name, values, refusal] of [
    ['no Redis', { apiKeys: least.apiKeys }, /Set exactly one of redis\.url/],
    [
      'two of them',
      { ...least, redis: { ...least.redis, bundled: { enabled: true } } },
      /Set exactly one of redis\.url/,
    ],
    ['no keys', { redis: least.redis }, /Set apiKeys\.file or apiKeys\.existingSecret/],
    ['no workers', { ...least, worker: { enabled: false } }, /Enable worker or workerGpu/],
    ['an unknown setting', { ...least, gateway: { replica: 3 } }, /replica/],
  ] as const) {
    it(`the chart refuses ${name}`, () => {
      assert.match(render(values).refusal, refusal);
    });
  }
});
