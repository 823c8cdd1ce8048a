import assert from 'node:assert/strict';
import type { RequestListener, ServerResponse } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';

import type { ResolvedAddress } from '@tessera/outbound';
import type { FetchPolicy } from './fetch-policy.js';
import { selfSignedCertificate } from './fixtures/certificate.js';
import { errorWith } from './fixtures/errors.js';
import { serve } from './fixtures/servers.js';
import { resolveImageSource } from './image-source.js';

const content = Buffer.from('the bytes of an image');
const answer: RequestListener = (_request, response) => response.end(content);

/** Plain http from 127.0.0.1 and nowhere else; every host name resolves to it. */
function loopback(port: number, changes: Partial<FetchPolicy> = {}): Partial<FetchPolicy> {
  return {
    allowHttp: true,
    allowedPorts: [port],
    allowAddress: (address) => address === '127.0.0.1',
    resolveHost: () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]),
    totalTimeoutMs: 5_000,
    ...changes,
  };
}

const fetchBytes = (url: string, fetch: Partial<FetchPolicy> = {}, maxBytes = 1_000) =>
  resolveImageSource(url, { maxBytes, fetch });

const failed = (message: RegExp) => errorWith('TSR_IMAGE_FETCH_FAILED', message);
const forbidden = (message: RegExp) => errorWith('TSR_IMAGE_URL_FORBIDDEN', message);

describe('fetching an image', () => {
  it('gives the bytes, and asks for them unencoded', async (context) => {
    const { port } = await serve(context, (request, response) => {
      assert.deepEqual([request.method, request.url], ['GET', '/cat.png?size=1']);
      assert.equal(request.headers['accept-encoding'], 'identity');
      assert.equal(request.headers.host, `images.example:${port}`);
      response.end(content);
    });
    const bytes = await fetchBytes(`http://images.example:${port}/cat.png?size=1#part`, loopback(port));
    assert.deepEqual(Buffer.from(bytes), content);
  });

  it('accepts what a server calls something else than an image', async (context) => {
    const { port } = await serve(context, (request, response) => {
      if (/[*]\/[*]/.test(request.headers.accept ?? '')) response.end(content);
      else response.writeHead(406).end();
    });
    assert.deepEqual(Buffer.from(await fetchBytes(`http://a.example:${port}/`, loopback(port))), content);
  });

  it('gives the bytes over https, with the certificate checked against the host name', async (context) => {
    const tls = selfSignedCertificate('images.example');
    const { port } = await serve(context, answer, { tls });
    const policy = loopback(port, { allowHttp: false, certificateAuthorities: tls.cert });
    assert.deepEqual(Buffer.from(await fetchBytes(`https://images.example:${port}/`, policy)), content);
    await assert.rejects(fetchBytes(`https://other.example:${port}/`, policy), failed(/CERT_ALTNAME/));
    await assert.rejects(
      fetchBytes(`https://images.example:${port}/`, loopback(port)),
      failed(/SELF_SIGNED|VERIFY|CERT/),
    );
  });

  for (const status of [204, 206, 304, 404, 500]) {
    it(`reports status ${status} without the body`, async (context) => {
      const { port } = await serve(context, (_request, response) => response.writeHead(status).end());
      await assert.rejects(fetchBytes(`http://a.example:${port}/`, loopback(port)), failed(new RegExp(`${status}`)));
    });
  }

  it('does not echo the body of an error page', async (context) => {
    const { port } = await serve(context, (_request, response) => response.writeHead(403).end('internal secret'));
    await assert.rejects(
      fetchBytes(`http://a.example:${port}/`, loopback(port)),
      (error) => error instanceof Error && !error.message.includes('secret'),
    );
  });

  it('reports a refused connection, a broken answer and an empty one', async (context) => {
    const closed = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => closed.once('listening', resolve));
    const { port: closedPort } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    await assert.rejects(fetchBytes(`http://127.0.0.1:${closedPort}/`, loopback(closedPort)), failed(/ECONNREFUSED/));

    const { port } = await serve(context, (request, response) => {
      if (request.url === '/empty') response.end();
      else if (request.url === '/short')
        response.writeHead(200, { 'content-length': 100 }).write('cut', () => response.destroy());
      else response.socket?.end('SSH-2.0-OpenSSH_9.6\r\n');
    });
    await assert.rejects(fetchBytes(`http://127.0.0.1:${port}/empty`, loopback(port)), failed(/empty/));
    await assert.rejects(fetchBytes(`http://127.0.0.1:${port}/short`, loopback(port)), failed(/connection failed/));
    await assert.rejects(fetchBytes(`http://127.0.0.1:${port}/other`, loopback(port)), failed(/connection failed/));
  });

  it('reports a host that does not resolve', async () => {
    const resolveHost = () => Promise.reject(new Error('ENOTFOUND'));
    await assert.rejects(fetchBytes('https://a.example/', { resolveHost }), failed(/resolved/));
    await assert.rejects(
      fetchBytes('https://a.example/', { resolveHost: () => Promise.resolve([]) }),
      failed(/resolved/),
    );
  });

  it('gives up with the reason of the signal', async (context) => {
    const { port } = await serve(context, () => {});
    const controller = new AbortController();
    const fetching = resolveImageSource(`http://127.0.0.1:${port}/`, {
      maxBytes: 10,
      fetch: loopback(port),
      signal: controller.signal,
    });
    const reason = new Error('the client went away');
    setTimeout(() => {
      controller.abort(reason);
    }, 50);
    await assert.rejects(fetching, reason);
  });
});

describe('the limits of a fetch', () => {
  const endless = (response: ServerResponse) => {
    const chunk = Buffer.alloc(16_384);
    const more = () => {
      while (response.writable && response.write(chunk));
    };
    response.on('drain', more);
    more();
  };

  it('stops an endless body at the size limit', async (context) => {
    let closed: (() => void) | undefined;
    const connectionClosed = new Promise<void>((resolve) => (closed = resolve));
    const { port } = await serve(context, (_request, response) => {
      response.on('close', () => closed?.());
      endless(response);
    });
    await assert.rejects(fetchBytes(`http://127.0.0.1:${port}/`, loopback(port), 100_000), failed(/100000 bytes/));
    await connectionClosed;
  });

  it('refuses a body by its declared length, and accepts one of exactly the limit', async (context) => {
    const { port } = await serve(context, (_request, response) => {
      response.writeHead(200, { 'content-length': 1_001 }).flushHeaders();
    });
    await assert.rejects(fetchBytes(`http://127.0.0.1:${port}/`, loopback(port)), failed(/1000 bytes/));
    const exact = await serve(context, (_request, response) => response.end(Buffer.alloc(1_000)));
    assert.equal((await fetchBytes(`http://127.0.0.1:${exact.port}/`, loopback(exact.port))).length, 1_000);
  });

  it('refuses encoded bodies, which may unfold', async (context) => {
    const { port } = await serve(context, (_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(1_000_000)));
    });
    await assert.rejects(fetchBytes(`http://127.0.0.1:${port}/`, loopback(port)), failed(/content-encoding/));
  });

  const slow: Record<string, RequestListener> = {
    'never answers': () => {},
    'sends its headers byte by byte': (_request, response) => {
      const head = `HTTP/1.1 200 OK\r\nx-padding: ${'a'.repeat(4_000)}`;
      let sent = 0;
      const timer = setInterval(() => response.socket?.write(head[sent++] ?? ''), 20);
      response.on('close', () => {
        clearInterval(timer);
      });
    },
    'sends its body byte by byte': (_request, response) => {
      const timer = setInterval(() => response.write('x'), 20);
      response.on('close', () => {
        clearInterval(timer);
      });
    },
  };
  for (const [name, listener] of Object.entries(slow)) {
    it(`leaves a server that ${name}`, async (context) => {
      const { port } = await serve(context, listener);
      const start = performance.now();
      await assert.rejects(
        fetchBytes(`http://127.0.0.1:${port}/`, loopback(port, { totalTimeoutMs: 300 })),
        failed(/longer than 300 ms/),
      );
      assert.ok(performance.now() - start < 2_000);
    });
  }

  it('leaves a resolver that never answers', async () => {
    const policy = loopback(80, { totalTimeoutMs: 300, resolveHost: () => new Promise<ResolvedAddress[]>(() => {}) });
    await assert.rejects(fetchBytes('http://a.example/', policy), failed(/longer than 300 ms/));
  });

  it('limits the time to connect', async (context) => {
    // Accepts TCP and never shakes hands.
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    context.after(() => silent.close());
    const { port } = silent.address() as AddressInfo;
    const policy = loopback(port, { connectTimeoutMs: 200 });
    await assert.rejects(fetchBytes(`https://127.0.0.1:${port}/`, policy), failed(/CONNECT_TIMEOUT/));
  });

  it('refuses oversized headers', async (context) => {
    const { port } = await serve(context, (_request, response) => {
      response.writeHead(200, { 'x-padding': 'a'.repeat(20_000) }).end(content);
    });
    await assert.rejects(fetchBytes(`http://127.0.0.1:${port}/`, loopback(port)), failed(/HEADERS_OVERFLOW/));
  });
});

describe('addresses that may not be fetched', () => {
  it('includes every notation of the loopback address', async (context) => {
    const { port, requests } = await serve(context, answer);
    const hosts = [
      '127.0.0.1',
      '127.1',
      '2130706433',
      '0x7f000001',
      '0x7f.0.0.1',
      '0177.0.0.1',
      '127.0.0.1.',
      '１２７.0.0.1',
      '0',
      'localhost',
      'LOCALHOST',
      '[::1]',
      '[::]',
      '[::ffff:127.0.0.1]',
      '[::ffff:7f00:1]',
      '[::127.0.0.1]',
      '[64:ff9b::127.0.0.1]',
      '[2002:7f00:1::]',
    ];
    for (const host of hosts) {
      const policy = { allowHttp: true, allowedPorts: [port] };
      await assert.rejects(fetchBytes(`http://${host}:${port}/`, policy), forbidden(/not public/), host);
    }
    assert.equal(requests(), 0);
  });

  it('includes other schemes, ports and credentials', async (context) => {
    const { port, requests } = await serve(context, answer);
    const policy = loopback(port);
    await assert.rejects(fetchBytes('http://8.8.8.8/'), forbidden(/only https/));
    await assert.rejects(fetchBytes(`http://127.0.0.1:${port + 1}/`, policy), forbidden(/port/));
    await assert.rejects(fetchBytes('https://8.8.8.8:22/'), forbidden(/port/));
    await assert.rejects(fetchBytes(`http://user@127.0.0.1:${port}/`, policy), forbidden(/user name/));
    await assert.rejects(fetchBytes(`http://:secret@127.0.0.1:${port}/`, policy), forbidden(/password/));
    assert.equal(requests(), 0);
  });

  it('includes a host with one forbidden address among allowed ones', async (context) => {
    const { port, requests } = await serve(context, answer);
    const resolveHost = () =>
      Promise.resolve([
        { address: '127.0.0.1', family: 4 },
        { address: '10.0.0.1', family: 4 },
      ]);
    await assert.rejects(
      fetchBytes(`http://a.example:${port}/`, loopback(port, { resolveHost })),
      forbidden(/resolves/),
    );
    assert.equal(requests(), 0);
  });

  it('does not include a name that is resolved anew after the check', async (context) => {
    const allowed = await serve(context, answer);
    const secret = await serve(context, (_request, response) => response.end('secret'), { address: '127.0.0.2' });
    let answers = 0;
    const resolveHost = () => Promise.resolve([{ address: answers++ === 0 ? '127.0.0.1' : '127.0.0.2', family: 4 }]);
    const url = `http://rebinding.example:${allowed.port}/`;
    const policy = loopback(allowed.port, { resolveHost });
    assert.deepEqual(Buffer.from(await fetchBytes(url, policy)), content);
    assert.equal(answers, 1, 'one resolution serves the check and the connection');
    await assert.rejects(fetchBytes(url, policy), forbidden(/resolves/));
    assert.equal(secret.requests(), 0);
  });
});

describe('redirects', () => {
  const redirectTo =
    (location: (path: string) => string, status = 302): RequestListener =>
    (request, response) =>
      response.writeHead(status, { location: location(request.url ?? '') }).end('moved');

  for (const status of [301, 302, 303, 307, 308]) {
    it(`are followed up to the limit (${status})`, async (context) => {
      const { port, requests } = await serve(context, (request, response) => {
        const step = Number(request.url?.slice(1));
        if (step === 0) response.end(content);
        else response.writeHead(status, { location: `./${step - 1}` }).end();
      });
      assert.deepEqual(Buffer.from(await fetchBytes(`http://127.0.0.1:${port}/3`, loopback(port))), content);
      assert.equal(requests(), 4);
      await assert.rejects(fetchBytes(`http://127.0.0.1:${port}/4`, loopback(port)), failed(/more than 3 times/));
    });
  }

  it('end when they turn in a circle', async (context) => {
    const { port, requests } = await serve(
      context,
      redirectTo((path) => path),
    );
    await assert.rejects(fetchBytes(`http://127.0.0.1:${port}/`, loopback(port)), failed(/redirects/));
    assert.equal(requests(), 4);
  });

  it('to a forbidden address, by number or by name, are not followed', async (context) => {
    const secret = await serve(context, (_request, response) => response.end('secret'), { address: '127.0.0.2' });
    const hosts = ['127.0.0.2', '0x7f.2', '[::ffff:127.0.0.2]', 'metadata.example'];
    const { port } = await serve(
      context,
      redirectTo((path) => `http://${hosts[Number(path.slice(1))] ?? ''}:${secret.port}/`),
    );
    const resolveHost = (hostname: string) =>
      Promise.resolve([{ address: hostname === 'metadata.example' ? '127.0.0.2' : '127.0.0.1', family: 4 }]);
    const policy = loopback(port, { allowedPorts: [port, secret.port], resolveHost });
    for (const index of hosts.keys()) {
      await assert.rejects(fetchBytes(`http://a.example:${port}/${index}`, policy), forbidden(/not public/));
    }
    assert.equal(secret.requests(), 0);
  });

  it('to other schemes, ports or credentials are not followed', async (context) => {
    const tls = selfSignedCertificate('images.example');
    const locations = [
      'http://8.8.8.8/',
      'file:///etc/passwd',
      'ftp://8.8.8.8/',
      'data:,x',
      'https://8.8.8.8:22/',
      'https://a:b@8.8.8.8/',
    ];
    const { port } = await serve(
      context,
      redirectTo((path) => locations[Number(path.slice(1))] ?? ''),
      { tls },
    );
    const policy = loopback(port, { allowHttp: false, certificateAuthorities: tls.cert });
    for (const index of locations.keys()) {
      await assert.rejects(fetchBytes(`https://images.example:${port}/${index}`, policy), forbidden(/./));
    }
  });

  it('without a usable location are an error', async (context) => {
    const { port } = await serve(context, (request, response) => {
      response.writeHead(302, request.url === '/none' ? {} : { location: 'http://[broken' }).end();
    });
    await assert.rejects(fetchBytes(`http://127.0.0.1:${port}/none`, loopback(port)), failed(/location/));
    await assert.rejects(fetchBytes(`http://127.0.0.1:${port}/broken`, loopback(port)), failed(/location/));
  });
});

describe('the trusted origin', () => {
  const strict = (port: number, authorization?: string): Partial<FetchPolicy> => ({
    allowAddress: () => false,
    resolveHost: () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]),
    trustedOrigin: {
      origin: `http://studio.example:${port}`,
      trusts: ({ pathname }) => pathname === '/' || pathname.startsWith('/data/'),
      authorization,
    },
  });

  it('is fetched from wherever it is, with its authorization', async (context) => {
    const { port } = await serve(context, (request, response) => {
      assert.equal(request.headers.authorization, 'Token secret');
      response.end(content);
    });
    const bytes = await fetchBytes(`http://studio.example:${port}/data/upload/1/a.png`, strict(port, 'Token secret'));
    assert.deepEqual(Buffer.from(bytes), content);
  });

  it('is no other port, scheme or host, and has no user name', async (context) => {
    const { port, requests } = await serve(context, answer);
    const policy = strict(port, 'Token secret');
    for (const url of [
      `http://studio.example:${port + 1}/`,
      `https://studio.example:${port}/`,
      `http://127.0.0.1:${port}/`,
      `http://studio.example.evil.example:${port}/`,
      `http://user@studio.example:${port}/`,
    ])
      await assert.rejects(fetchBytes(url, policy), forbidden(/./), url);
    assert.equal(requests(), 0);
  });

  for (const status of [301, 302, 303, 307, 308]) {
    it(`is trusted no further than its files when it redirects with ${status}`, async (context) => {
      const seen: [path: string | undefined, authorization: string | undefined][] = [];
      const { port } = await serve(context, (request, response) => {
        seen.push([request.url, request.headers.authorization]);
        const location = { '/data/away': '/api/users', '/data/moved': '/data/file' }[request.url ?? ''];
        if (location === undefined) response.end(content);
        else response.writeHead(status, { location }).end();
      });
      const origin = `http://studio.example:${port}`;
      const policy = strict(port, 'Token secret');
      await assert.rejects(fetchBytes(`${origin}/data/away`, policy), forbidden(/./));
      assert.deepEqual(seen.splice(0), [['/data/away', 'Token secret']]);
      await fetchBytes(`${origin}/data/away`, { ...policy, ...loopback(port) });
      assert.deepEqual(seen.splice(0), [
        ['/data/away', 'Token secret'],
        ['/api/users', undefined],
      ]);
      await fetchBytes(`${origin}/data/moved`, policy);
      assert.deepEqual(seen, [
        ['/data/moved', 'Token secret'],
        ['/data/file', 'Token secret'],
      ]);
    });
  }

  it('redirects under the rules of all others, and its authorization goes to no other', async (context) => {
    const seen: (string | undefined)[] = [];
    const other = await serve(context, (request, response) => {
      seen.push(request.headers.authorization);
      response.end(content);
    });
    const { port } = await serve(context, (_request, response) => {
      response.writeHead(302, { location: `http://127.0.0.1:${other.port}/` }).end();
    });
    const url = `http://studio.example:${port}/`;
    await assert.rejects(fetchBytes(url, strict(port, 'Token secret')), forbidden(/./));
    const open = { ...strict(port, 'Token secret'), ...loopback(other.port) };
    assert.deepEqual(Buffer.from(await fetchBytes(url, open)), content);
    assert.deepEqual(seen, [undefined]);
  });
});
