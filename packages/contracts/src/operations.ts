import Type, { type Static } from 'typebox';
import { Provenance } from './bundle.js';

export const ModelDescription = Type.Object({
  name: Type.String(),
  version: Type.String(),
  task: Type.String(),
  description: Type.String(),
  license: Type.String(),
  default: Type.Boolean({ description: 'Used when a request names no model.' }),
  provenance: Type.Array(Type.Object(Provenance.properties)),
});
export type ModelDescription = Static<typeof ModelDescription>;

const DeviceReport = Type.Object({
  id: Type.Integer({ description: 'Of `TESSERA_DEVICES`.' }),
  ready: Type.Boolean({ description: 'Whether its inference process takes runs now.' }),
});

/** What a worker writes to the blob store at every heartbeat; it expires when the worker is gone. */
export const WorkerReport = Type.Object({
  id: Type.String(),
  started_at: Type.String(),
  execution_provider: Type.String({ description: 'The provider that is active, after any fallback.' }),
  devices: Type.Array(DeviceReport),
  models: Type.Array(ModelDescription),
  jobs: Type.Object({ succeeded: Type.Integer(), failed: Type.Integer(), running: Type.Integer() }),
  inference_restarts: Type.Integer(),
});
export type WorkerReport = Static<typeof WorkerReport>;

export const ModelsResponse = Type.Object({ models: Type.Array(ModelDescription) });

export const LivezResponse = Type.Object({ status: Type.Literal('ok') });

export const ReadyzResponse = Type.Object({
  status: Type.Literal('ready'),
  workers: Type.Array(
    Type.Object({
      id: Type.String(),
      execution_provider: Type.String(),
      devices: Type.Array(DeviceReport),
      models: Type.Array(Type.String()),
    }),
  ),
  last_canary_at: Type.String({ description: 'When a job last went through the whole chain.' }),
});
export type ReadyzResponse = Static<typeof ReadyzResponse>;
