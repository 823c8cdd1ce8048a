import fc from 'fast-check';
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { isPublicAddress } from './public-address.js';

describe('isPublicAddress', () => {
  const forbidden: Record<string, string[]> = {
    'this network': ['0.0.0.0', '0.1.2.3', '::'],
    loopback: ['127.0.0.1', '127.255.255.254', '::1'],
    private: ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1'],
    'carrier-grade NAT': ['100.64.0.1', '100.127.255.255'],
    'link-local': ['169.254.169.254', 'fe80::1', 'fe80::1%eth0', 'febf::1'],
    'site-local and unique-local': ['fec0::1', 'fc00::1', 'fd12:3456::1', 'fd00:ec2::254'],
    multicast: ['224.0.0.1', '239.255.255.255', 'ff02::1'],
    'reserved and broadcast': ['240.0.0.1', '255.255.255.255', '192.0.0.8', '192.88.99.1'],
    documentation: ['192.0.2.1', '198.51.100.1', '203.0.113.1', '2001:db8::1', '3fff::1'],
    benchmarking: ['198.18.0.1', '198.19.255.255', '2001:2::1'],
    'IPv4-mapped and -compatible': ['::ffff:127.0.0.1', '::ffff:8.8.8.8', '::ffff:7f00:1', '::127.0.0.1', '::8.8.8.8'],
    '6to4, Teredo, NAT64, translated': [
      '2002:7f00:1::',
      '2001:0:53aa:64c::1',
      '64:ff9b::7f00:1',
      '64:ff9b:1::a00:1',
      '::ffff:0:7f00:1',
    ],
    'discard, segment routing, unassigned': ['100::1', '5f00::1', '4000::1', 'e000::1'],
    'not an address': [
      '',
      'localhost',
      '1.2.3',
      '1.2.3.4.5',
      '::g',
      '300.1.1.1',
      '8.8.010.8',
      '2130706433',
      '2a00::1%a-b',
    ],
  };
  for (const [name, addresses] of Object.entries(forbidden)) {
    it(`refuses ${name}`, () => {
      for (const address of addresses) assert.equal(isPublicAddress(address), false, address);
    });
  }

  it('accepts public unicast', () => {
    const addresses = ['8.8.8.8', '1.1.1.1', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '2a00:1450:4001::200e'];
    for (const address of addresses) assert.equal(isPublicAddress(address), true, address);
  });

  it('refuses whatever IPv4 address an IPv6 one carries', () => {
    const property = fc.property(fc.ipV4(), (address) => !isPublicAddress(`::ffff:${address}`));
    fc.assert(property);
  });
});
