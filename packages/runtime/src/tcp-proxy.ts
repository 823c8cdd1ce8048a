import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A network between clients and a server on this machine, for tests in which it fails. */
export class TcpProxy {
  readonly #server: Server;
  readonly #connections = new Set<readonly [Socket, Socket]>();

  private constructor(targetPort: () => number) {
    this.#server = createServer((client) => {
      const upstream = connect(targetPort(), '127.0.0.1');
      const connection = [client, upstream] as const;
      this.#connections.add(connection);
      client.pipe(upstream).pipe(client);
      for (const socket of connection) socket.on('error', () => undefined);
      client.on('close', () => {
        this.#connections.delete(connection);
        upstream.destroy();
      });
    });
  }

  /** @param targetPort - asked at every new connection */
  static async start(targetPort: () => number): Promise<TcpProxy> {
    const proxy = new TcpProxy(targetPort);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** From now on the present connections carry nothing, and stay open at both ends; new ones work. */
  silence(): void {
    for (const [client, upstream] of this.#connections) {
      client.unpipe(upstream).pause();
      upstream.unpipe(client).pause();
    }
  }

  close(): void {
    this.#server.close();
    for (const socket of [...this.#connections].flat()) socket.destroy();
  }
}
