import type { FastifyReply, FastifyRequest } from 'fastify';

/** From now on every log line about the request names its job. */
export function nameJobInLog(request: FastifyRequest, reply: FastifyReply, id: string): void {
  const log = request.log.child({ job: id });
  request.log = log;
  reply.log = log;
}
