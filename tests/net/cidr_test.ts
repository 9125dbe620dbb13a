import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { UsageError } from "../../lib/cli/errors.ts";
import { contains, parseCidr } from "../../lib/net/cidr.ts";

Deno.test("parseCidr() refuses what is no range", () => {
  const bad = [
    ..."|/8|10|10/8|10.0.0|10.0.0.0.0|256.0.0.0|010.0.0.1|1.2.3.4/33|1.2.3.4/"
      .split(
        "|",
      ),
    ..."1.2.3.4/-1|1.2.3.4/8/8| 1.2.3.4|localhost|::1/129|:::|1::2::3|[::1]"
      .split(
        "|",
      ),
    ..."fe80::1%eth0|g::|::1.2.3|1.2.3.4/a|0x7f.0.0.1".split("|"),
  ];
  for (const text of bad) assertThrows(() => parseCidr(text), UsageError, text);
});

const CONTAINS: [string, string, boolean][] = [
  ["10.0.0.0/8", "10.255.255.255", true],
  ["10.0.0.0/8", "11.0.0.0", false],
  ["0.0.0.0/0", "203.0.113.9", true],
  ["0.0.0.0/0", "::1", false],
  ["127.0.0.1", "127.0.0.1", true],
  ["127.0.0.1", "127.0.0.2", false],
  ["192.168.1.7/31", "192.168.1.6", true],
  ["192.168.1.7/31", "192.168.1.8", false],
  ["::/0", "fe80::1", true],
  ["::/0", "10.0.0.1", false],
  ["fe80::/10", "febf::1", true],
  ["fe80::/10", "fec0::1", false],
  ["fe80::/10", "fe80::1%2", true],
  ["::1", "0:0:0:0:0:0:0:1", true],
  ["10.0.0.0/8", "::ffff:10.1.2.3", true],
  ["::ffff:10.0.0.0/104", "10.1.2.3", true],
  ["::ffff:0:0/96", "10.1.2.3", true],
  ["10.0.0.0/8", "unix:/run/a.sock", false],
];

Deno.test("contains() holds at both edges, for both kinds of IP and for mapped ones", () => {
  for (const [range, ip, expected] of CONTAINS) {
    assertEquals(contains(parseCidr(range), ip), expected, `${range} ${ip}`);
  }
});

const range = fc.oneof(
  fc.tuple(fc.ipV4(), fc.nat(32)),
  // a mapped address in a range wider than IPv4 has no place there
  fc.tuple(fc.ipV6().filter((ip) => !/ffff/i.test(ip)), fc.nat(128)),
).map(([ip, bits]) => `${ip}/${bits}`);

Deno.test("contains() finds in a range the address that named it, however it is written", () => {
  fc.assert(fc.property(range, (text) => {
    const [ip = ""] = text.split("/");
    const cidr = parseCidr(text);
    assert(contains(cidr, ip), text);
    if (cidr.version === 4 && !ip.includes(":")) {
      assert(contains(cidr, `::ffff:${ip}`), text);
    }
  }));
});
