import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError, parseConfig, redactConfig } from './config.js';

function problemsOf(environment: Record<string, string>): string {
  try {
    parseConfig(environment);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message;
  }
  return assert.fail('the configuration was accepted');
}

test('an empty environment gives the defaults', () => {
  const config = parseConfig({});
  assert.equal(config.PORT, 3000);
  assert.equal(config.HOST, '127.0.0.1');
  assert.equal(config.REDIS_URL, undefined);
  assert.deepEqual(config.EXECUTION_PROVIDERS, ['cpu']);
  assert.ok(Object.isFrozen(config));
});

test('texts become numbers, booleans and lists', () => {
  const config = parseConfig({
    PORT: '8080',
    TESSERA_MAX_MEGAPIXELS: '12.5',
    TESSERA_ALLOW_HTTP_IMAGES: 'true',
    API_KEYS: 'first-key, second-key,',
    EXECUTION_PROVIDERS: 'cuda,cpu',
  });
  assert.equal(config.PORT, 8080);
  assert.equal(config.TESSERA_MAX_MEGAPIXELS, 12.5);
  assert.equal(config.TESSERA_ALLOW_HTTP_IMAGES, true);
  assert.deepEqual(config.API_KEYS, ['first-key', 'second-key']);
  assert.deepEqual(config.EXECUTION_PROVIDERS, ['cuda', 'cpu']);
});

test('devices are different whole numbers', () => {
  assert.deepEqual(parseConfig({}).TESSERA_DEVICES, [0]);
  assert.deepEqual(parseConfig({ TESSERA_DEVICES: '1, 0' }).TESSERA_DEVICES, [1, 0]);
  for (const devices of ['0,0', '0,-1', '1.5', 'cuda:0', ',', '0;1', 'all', '5000000000']) {
    const shown = `(got ${JSON.stringify(devices)})`;
    const message = problemsOf({ TESSERA_DEVICES: devices });
    assert.ok(message.includes('TESSERA_DEVICES must') && message.includes(shown), message);
  }
});

test('an empty value counts as unset', () => {
  assert.equal(parseConfig({ REDIS_URL: '', PORT: ' ' }).PORT, 3000);
});

test('unknown settings of ours are refused, variables of others are left alone', () => {
  assert.match(problemsOf({ TESSERA_MAX_BODY: '1' }), /TESSERA_MAX_BODY is not a known setting/);
  assert.doesNotThrow(() => parseConfig({ PATH: '/usr/bin', npm_config_x: '1' }));
});

test('the variables of the command line are no settings, and no mistakes', () => {
  const variables = { TESSERA_CLIENT_URL: 'http://127.0.0.1:3000', TESSERA_PYTHON: '.venv/bin/python' };
  assert.deepEqual(parseConfig(variables), parseConfig({}));
  assert.match(problemsOf({ TESSERA_PYTHONS: 'python3' }), /TESSERA_PYTHONS is not a known setting/);
});

test('every problem is listed with the value that caused it', () => {
  const message = problemsOf({
    PORT: '99999',
    LOG_LEVEL: 'loud',
    TESSERA_WAIT_S: 'soon',
    TESSERA_ALLOW_HTTP_IMAGES: 'yes',
  });
  assert.match(message, /PORT .*"99999"/);
  assert.match(message, /LOG_LEVEL .*info.*"loud"/);
  assert.match(message, /TESSERA_WAIT_S .*"soon"/);
  assert.match(message, /TESSERA_ALLOW_HTTP_IMAGES .*"yes"/);
});

test('secrets appear neither in problems nor in the log', () => {
  assert.doesNotMatch(problemsOf({ API_KEYS: 'short', REDIS_URL: 'http://user:password@host' }), /short\b|password/);
  assert.doesNotMatch(problemsOf({ LABEL_STUDIO_API_KEY: 'token with spaces' }), /spaces\b/);
  const config = parseConfig({
    API_KEYS: 'a-secret-key',
    REDIS_URL: 'redis://user:password@host',
    LABEL_STUDIO_API_KEY: 'a-token',
    OTEL_EXPORTER_OTLP_HEADERS: 'x-key=a-collector-key',
  });
  assert.doesNotMatch(problemsOf({ OTEL_EXPORTER_OTLP_ENDPOINT: 'https://user:password@host' }), /password/);
  assert.doesNotMatch(JSON.stringify(redactConfig(config)), /a-secret-key|password|a-token|a-collector-key/);
  assert.equal(redactConfig(config).LABEL_STUDIO_API_KEY, 'set');
});
