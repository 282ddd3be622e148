import { describe, expect, it } from 'vitest';
import { isPublicAddress } from './public-address.ts';

const words = (text: string): string[] => text.split(/\s+/);

describe('an address that users may send us to', () => {
  it.each(
    words(`1.1.1.1 8.8.8.8 93.184.216.34 100.63.255.255 100.128.0.0 172.15.255.255 172.32.0.0 198.17.255.255
      198.20.0.0 223.255.255.255 2606:4700:4700::1111 2001:4860:4860::8888 2a00:1450:4001:81b::200e`),
  )('can be %s', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  it.each(
    words(`0.0.0.0 0.255.255.255 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 100.100.100.200 127.0.0.1
      127.255.255.254 168.63.129.16 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.192 192.0.2.1
      192.88.99.1 192.168.1.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255
      240.0.0.1 255.255.255.255`),
  )('is never %s', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });

  it.each(
    words(`:: ::1 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:8.8.8.8 ::ffff:0:8.8.8.8 64:ff9b::7f00:1
      64:ff9b::8.8.8.8 64:ff9b:1::1 100::1 2001::1 2001:0:53aa:64c::1 2001:2::1 2001:10::1 2001:20::1
      2001:db8::1 2002:7f00:1:: 2002:808:808::1 3ffe::1 3fff::1 4000::1 5f00::1 fc00::1 fd00:ec2::254
      fdaa::3 fe80::1 fe80::1%eth0 fec0::1 ff02::1 2606:4700::1%1 8.8.8.8%1 localhost 8.8.8 0x8.8.8.8
      [2606:4700::1]`),
  )('is never %s', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });
});
