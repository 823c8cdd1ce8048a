import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseConfig, TesseraError } from '@tessera/contracts';
import { taskImage } from './task-image.js';

const studio = parseConfig({ LABEL_STUDIO_URL: 'http://studio.internal:8080', LABEL_STUDIO_API_KEY: 'a-token' });
const authorization = 'Token a-token';
const origin = 'http://studio.internal:8080';

describe('the image of a task', () => {
  it('is a file of Label Studio by its path or its URL, fetched with the token', () => {
    for (const value of [
      '/data/upload/1/ab-photo.jpg',
      ' /data/upload/1/ab-photo.jpg\n',
      `${origin}/data/upload/1/ab-photo.jpg`,
      `${origin}/data/../data/upload/1/ab-photo.jpg`,
    ]) {
      const { source, trustedOrigin } = taskImage(value, studio);
      assert.equal(source, `${origin}/data/upload/1/ab-photo.jpg`);
      assert.deepEqual([trustedOrigin?.origin, trustedOrigin?.authorization], [origin, authorization]);
    }
    for (const path of [
      '/data/upload/1/100%25%20sure..%20a.b.jpg',
      '/data/upload/1/%E7%8C%AB.jpg?x=1&y=..a',
      '/data/local-files/?d=a%2Fb..jpg',
    ]) {
      assert.equal(taskImage(path, studio).source, `${origin}${path}`);
    }
    assert.equal(taskImage('/data/local-files/?d=a/b.jpg', studio).source, `${origin}/data/local-files/?d=a/b.jpg`);
  });

  it('is something else as everywhere, without the token', () => {
    for (const value of [
      'https://images.example.org/a.jpg',
      'data:image/png;base64,AAAA',
      `sha256:${'0'.repeat(64)}`,
      'http://studio.internal:8081/data/upload/1/a.jpg',
      'https://studio.internal:8080/data/upload/1/a.jpg',
      'http://studio.internal:8080.evil.example/data/upload/1/a.jpg',
      '//evil.example/data/upload/1/a.jpg',
      's3://bucket/a.jpg',
    ]) {
      assert.deepEqual(taskImage(value, studio), { source: value }, value);
    }
  });

  it('is no other path of Label Studio, which the token would open', () => {
    for (const value of [
      '/api/users',
      '/data/upload/../../api/users',
      `${origin}/user/account`,
      '/data/upload/%2e%2e/%2e%2e/api/users',
      '/data/upload/..%2f..%2fapi',
      '/data/upload/%2E%2E%2Fapi',
      '/data/upload/..%252f..%252fapi',
      '/data/upload/%25252e%25252e%25252fapi',
      '/data/upload/..%5c..%5capi',
      '/data/upload/..\\..\\api',
      '/data/upload/a%2fb.jpg',
      '/data/upload/a%5cb.jpg',
      '/data/upload/%252e%252e/api',
      '/data/upload/..;/api',
      '/data/upload/1/a.jpg%00.png',
      '/data/upload%2f..%2f..%2fapi',
      '/data/local-files/?d=../../etc/passwd',
      '/data/local-files/?d=..%2f..%2fetc%2fpasswd',
      '/storage-data/uploaded/?filepath=a%252f..%252fb',
    ]) {
      assert.throws(
        () => taskImage(value, studio),
        { code: 'TSR_IMAGE_SOURCE_INVALID', message: /no file of a task/ },
        value,
      );
    }
  });

  it('is redirected with the token to such files alone', () => {
    const { trustedOrigin } = taskImage('/data/upload/1/a.jpg', studio);
    const trusts = (path: string) => trustedOrigin?.trusts(new URL(path, origin));
    assert.equal(trusts('/data/local-files/?d=a.jpg'), true);
    for (const path of ['/api/users', '/user/login?next=/data/upload/1/a.jpg', '/data/upload/..%2fapi']) {
      assert.equal(trusts(path), false, path);
    }
  });

  it('needs to know where Label Studio is when it is a path', () => {
    assert.throws(
      () => taskImage('/data/upload/1/a.jpg', parseConfig({})),
      (error) => TesseraError.isInstance(error) && error.message.includes('set LABEL_STUDIO_URL'),
    );
  });

  it('is fetched without a token when there is none, and with a bearer of a JSON web token', () => {
    const config = (key: Record<string, string>) =>
      parseConfig({ LABEL_STUDIO_URL: 'https://studio.example/', ...key });
    const authorized = (key: Record<string, string>) =>
      taskImage('/data/upload/1/a', config(key)).trustedOrigin?.authorization;
    assert.equal(authorized({}), undefined);
    assert.equal(authorized({ LABEL_STUDIO_API_KEY: 'e30.e30.c2ln' }), 'Bearer e30.e30.c2ln');
  });
});
