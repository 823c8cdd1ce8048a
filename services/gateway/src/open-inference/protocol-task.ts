import {
  TesseraError,
  type ClassifyJob,
  type FieldError,
  type InferenceRequest,
  type SegmentJob,
  type TensorMetadata,
} from '@tessera/contracts';
import type { TSchema } from 'typebox';
import type { GatewayContext } from '../context.js';
import { escapePointer } from '../problems/validation-fields.js';
import type { InputTensor } from './input-tensor.js';
import type { ModelOutput } from './output-tensor.js';

/** The tensors of a request by name, and the options of the model among its parameters. */
export interface InferenceCall {
  readonly model: string;
  readonly inputs: ReadonlyMap<string, InputTensor>;
  readonly parameters: Readonly<Record<string, string | number | boolean>>;
  readonly outputs: ReadonlySet<string>;
  /** Whether all the outputs that were asked for come as bytes. */
  readonly isBinary: boolean;
}

/** The equivalent of a call on the service's own route. */
export interface EquivalentRequest {
  readonly body: object;
  readonly uploads: ReadonlyMap<string, Uint8Array>;
}

/** What the models of one task take and give by the Open Inference Protocol. */
export interface ProtocolTask<Body extends object, Response> {
  readonly inputs: readonly TensorMetadata[];
  /** Inputs that may be left out are not in the metadata, which lists what a model requires. */
  readonly optionalInputs: readonly TensorMetadata[];
  readonly outputs: readonly ModelOutput<Response>[];
  readonly parameters: readonly string[];
  /** Of {@link EquivalentRequest.body}. */
  readonly schema: TSchema;
  /** Inputs by the fields of the body that they become. */
  readonly inputOfField: Readonly<Record<string, string>>;
  readonly toRequest: (call: InferenceCall) => EquivalentRequest;
  readonly createJob: (
    id: string,
    body: Body,
    call: Pick<InferenceCall, 'outputs' | 'isBinary'>,
    uploads: ReadonlyMap<string, Uint8Array>,
    context: GatewayContext,
    client: AbortSignal,
  ) => Promise<SegmentJob | ClassifyJob>;
}

/**
 * Refuses inputs, parameters and outputs that a task does not have, and missing inputs.
 *
 * @throws TesseraError `TSR_VALIDATION`
 */
export function checkNames<Body extends object, Response>(
  { inputs = [], parameters = {}, outputs = [] }: Partial<InferenceRequest>,
  task: ProtocolTask<Body, Response>,
): void {
  const findings: FieldError[] = [];
  const known = [...task.inputs, ...task.optionalInputs].map(({ name }) => name);
  const given = inputs.map(({ name }) => name);
  for (const [index, name] of given.entries()) {
    const pointer = `/inputs/${index}/name`;
    if (!known.includes(name)) findings.push({ pointer, message: `must be one of ${known.join(', ')}` });
    else if (given.indexOf(name) < index) findings.push({ pointer, message: `is there twice: ${name}` });
  }
  for (const { name, shape } of task.inputs) {
    if (!given.includes(name)) {
      findings.push({ pointer: '/inputs', message: `must have ${name}, BYTES [${shape.join(', ')}]` });
    }
  }
  for (const name of Object.keys(parameters)) {
    if (name === 'binary_data_output' || task.parameters.includes(name)) continue;
    const headers = 'priority and deadline are the headers x-priority and x-deadline-ms';
    const message = `is not one of ${task.parameters.join(', ')}; ${headers}`;
    findings.push({ pointer: `/parameters/${escapePointer(name.slice(0, 64))}`, message });
  }
  const names = task.outputs.map(({ name }) => name);
  for (const [index, { name }] of outputs.entries()) {
    if (!names.includes(name)) {
      findings.push({ pointer: `/outputs/${index}/name`, message: `must be one of ${names.join(', ')}` });
    }
  }
  if (findings.length > 0) throw TesseraError.invalid(findings);
}

/** Findings about the equivalent request, pointing to where its fields came from in the call. */
export function inProtocol(
  fields: readonly FieldError[],
  { inputs }: Pick<InferenceCall, 'inputs'>,
  inputOfField: Readonly<Record<string, string>>,
): FieldError[] {
  return fields.map(({ pointer, message }) => {
    const parts = pointer.split('/').slice(1);
    const place = parts.findIndex((part) => Object.hasOwn(inputOfField, part));
    const input = inputs.get(inputOfField[parts[place] ?? ''] ?? '');
    if (input === undefined) return { pointer: `/parameters/${parts.join('_')}`, message };
    const [element] = parts.slice(place + 1);
    return { pointer: element === undefined ? input.pointer : `${input.pointer}/data/${element}`, message };
  });
}
