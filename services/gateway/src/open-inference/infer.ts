import {
  TesseraError,
  versionMismatch,
  type InferenceRequest,
  type InferenceResponse,
  type ModelDescription,
} from '@tessera/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { GatewayContext } from '../context.js';
import { answerWithJob } from '../jobs/answer-with-job.js';
import { fieldErrors, type SchemaFinding } from '../problems/validation-fields.js';
import { readTensor } from './input-tensor.js';
import { inBytes, inJson } from './output-tensor.js';
import { checkNames, inProtocol, type InferenceCall, type ProtocolTask } from './protocol-task.js';
import { jsonLengthHeader } from './read-body.js';

/** What the answers of both tasks have. */
interface JobAnswer {
  readonly id: string;
  /** name@version */
  readonly model: string;
}

/**
 * Answers an inference request: as the equivalent request to the service's own route, through the same queue.
 *
 * @throws TesseraError as that route does, findings pointing into the request as it came
 */
export async function infer<Body extends object, Response extends JobAnswer>(
  request: FastifyRequest,
  reply: FastifyReply,
  { name }: ModelDescription,
  task: ProtocolTask<Body, Response>,
  context: GatewayContext,
): Promise<FastifyReply> {
  const asked = request.body as InferenceRequest;
  checkNames(asked, task);
  const formats = outputFormats(asked, task);
  const call = readCall(asked, name, formats, request.tensorData);
  const { body, uploads } = task.toRequest(call);
  checkBody<Body>(request, body, task, call);
  // Pixels have become a file in memory beside the body.
  if (call.inputs.get('image')?.datatype === 'UINT8') {
    for (const file of uploads.values()) request.bodyLease.take(file.length);
  }
  request.uploads = uploads;
  request.tensorData = [];
  const { isBinary, outputs } = call;
  return answerWithJob(request, reply, context, {
    body: { ...body, outputs: [...outputs] },
    webhook: undefined,
    mustFinish: true,
    createJob: (id, client) => task.createJob(id, body, { outputs, isBinary }, request.uploads, context, client),
    sendResult: (result) =>
      sendTensors(JSON.parse(result.toString('utf8')) as Response, asked.id, formats, task, reply),
  });
}

function readCall(
  asked: InferenceRequest,
  model: string,
  formats: ReadonlyMap<string, boolean>,
  contents: readonly unknown[],
): InferenceCall {
  const { binary_data_output: allBinary, ...parameters } = asked.parameters ?? {};
  if (allBinary !== undefined && typeof allBinary !== 'boolean') {
    throw TesseraError.invalid([{ pointer: '/parameters/binary_data_output', message: 'must be boolean' }]);
  }
  return {
    model,
    inputs: new Map(
      asked.inputs.map((input, index) => [input.name, readTensor(input, contents[index], `/inputs/${index}`)]),
    ),
    parameters,
    outputs: new Set(formats.keys()),
    isBinary: [...formats.values()].every((isBinary) => isBinary),
  };
}

/** Which outputs are asked for, and whether they come as bytes. */
function outputFormats<Body extends object, Response>(
  { outputs, parameters }: InferenceRequest,
  task: ProtocolTask<Body, Response>,
): Map<string, boolean> {
  const allBinary = parameters?.binary_data_output === true;
  if (outputs === undefined || outputs.length === 0) return new Map(task.outputs.map(({ name }) => [name, allBinary]));
  return new Map(outputs.map((output) => [output.name, output.parameters?.binary_data ?? allBinary]));
}

/** @throws TesseraError `TSR_VALIDATION` when the equivalent request does not match its schema */
function checkBody<Body extends object>(
  request: FastifyRequest,
  body: object,
  { schema, inputOfField }: Pick<ProtocolTask<Body, unknown>, 'schema' | 'inputOfField'>,
  call: InferenceCall,
): asserts body is Body {
  const validate = request.compileValidationSchema(schema);
  if (validate(body)) return;
  const findings = (validate as { readonly errors?: readonly SchemaFinding[] }).errors ?? [];
  throw TesseraError.invalid(inProtocol(fieldErrors(findings), call, inputOfField));
}

function sendTensors<Body extends object, Response extends JobAnswer>(
  answer: Response,
  requestId: string | undefined,
  formats: ReadonlyMap<string, boolean>,
  task: ProtocolTask<Body, Response>,
  reply: FastifyReply,
): FastifyReply {
  const [, model, version] = /^(.*)@(.*)$/.exec(answer.model) ?? [];
  if (model === undefined || version === undefined) throw versionMismatch('The result of the worker has no version');
  const parts: Buffer[] = [];
  const outputs = [...formats].flatMap(([name, isBinary]) => {
    const tensor = task.outputs.find((output) => output.name === name)?.of(answer);
    if (tensor === undefined) return [];
    if (!isBinary) return [inJson(name, tensor)];
    const bytes = inBytes(tensor);
    parts.push(bytes);
    const { datatype, shape } = tensor;
    return [{ name, datatype, shape: [...shape], parameters: { binary_data_size: bytes.length } }];
  });
  const response: InferenceResponse = {
    model_name: model,
    model_version: version,
    id: requestId ?? answer.id,
    outputs,
  };
  const json = Buffer.from(JSON.stringify(response));
  if (parts.length === 0) return reply.type('application/json').send(json);
  return reply
    .type('application/octet-stream')
    .header(jsonLengthHeader, json.length)
    .send(Buffer.concat([json, ...parts]));
}
