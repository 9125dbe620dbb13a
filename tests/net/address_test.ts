import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { UsageError } from "../../lib/cli/errors.ts";
import {
  type Address,
  addressOf,
  formatAddress,
  isLoopback,
  parseAddress,
  parseHost,
  parsePort,
  permissionsFor,
} from "../../lib/net/address.ts";
import { codePoint } from "../code_point.ts";

const GOOD: [string, Address][] = [
  ["localhost:7000", { host: "localhost", port: 7000 }],
  ["7000", { host: "localhost", port: 7000 }],
  [":7000", { host: "localhost", port: 7000 }],
  ["example.com", { host: "example.com", port: 12345 }],
  ["example.com.:1", { host: "example.com.", port: 1 }],
  ["a-b_c.example:65535", { host: "a-b_c.example", port: 65535 }],
  ["bücher.example:1", { host: "xn--bcher-kva.example", port: 1 }],
  ["한글.kr", { host: "xn--bj0bj06e.kr", port: 12345 }],
  ["10.0.0.1:0", { host: "10.0.0.1", port: 0 }],
  ["[::1]:80", { host: "::1", port: 80 }],
  ["[::1]", { host: "::1", port: 12345 }],
  ["::1", { host: "::1", port: 12345 }],
  ["fe80::1%eth0", { host: "fe80::1%eth0", port: 12345 }],
  ["[::ffff:10.0.0.1]:80", { host: "::ffff:10.0.0.1", port: 80 }],
  ["unix:/run/hark.sock", { path: "/run/hark.sock" }],
  ["unix:a:b", { path: "a:b" }],
];

Deno.test("parseAddress() reads every form of an address", () => {
  for (const [text, address] of GOOD) {
    assertEquals(parseAddress(text), address, text);
  }
});

const BAD: [string, string][] = [
  ["", 'Cannot parse port "": expected 0 to 65535'],
  ["-1", 'Cannot parse port "-1": expected 0 to 65535'],
  ["65536", 'Cannot parse port "65536": expected 0 to 65535'],
  ["localhost:", 'Cannot parse port "": expected 0 to 65535'],
  ["localhost:0x50", 'Cannot parse port "0x50": expected 0 to 65535'],
  ["localhost:65536", 'Cannot parse port "65536": expected 0 to 65535'],
  ["localhost:-1", 'Cannot parse port "-1": expected 0 to 65535'],
  ["localhost:abc", 'Cannot parse port "abc": expected 0 to 65535'],
  ["localhost: 80", 'Cannot parse port " 80": expected 0 to 65535'],
  ["localhost:8e1", 'Cannot parse port "8e1": expected 0 to 65535'],
  ["a b:80", 'Cannot parse host "a b": expected a name or an IP address'],
  ["a/b:80", 'Cannot parse host "a/b": expected a name or an IP address'],
  ["[::1:80", 'Cannot parse host "[::1": expected a name or an IP address'],
  ["[zz::]:80", 'Cannot parse host "[zz::]": expected a name or an IP address'],
  ["[]:80", 'Cannot parse host "[]": expected a name or an IP address'],
  ["1:2:3", 'Cannot parse host "1:2:3": expected a name or an IP address'],
  [
    "3000,3001",
    'Cannot parse host "3000,3001": expected a name or an IP address',
  ],
  ["a%b:80", 'Cannot parse host "a%b": expected a name or an IP address'],
  ["한글*:80", 'Cannot parse host "한글*": expected a name or an IP address'],
  ["*.x:80", 'Cannot parse host "*.x": expected a name or an IP address'],
  ["a;b:80", 'Cannot parse host "a;b": expected a name or an IP address'],
  ["unix:@a", 'Cannot use "unix:@a": abstract sockets are not supported'],
  ["unix:", 'Cannot parse address "unix:": expected unix:PATH'],
];

Deno.test("parseAddress() names what is wrong with an address", () => {
  for (const [text, message] of BAD) {
    assertEquals(
      assertThrows(() => parseAddress(text), UsageError).message,
      message,
      text,
    );
  }
});

Deno.test("parseAddress() takes the defaults it is given", () => {
  const defaults = { host: "example.com", port: 1080 };
  assertEquals(parseAddress("[::1]", defaults), { host: "::1", port: 1080 });
  assertEquals(parseAddress(":80", defaults), {
    host: "example.com",
    port: 80,
  });
});

const host = fc.oneof(
  fc.ipV4(),
  fc.ipV6(),
  fc.domain(),
  fc.constant("localhost"),
);
const address: fc.Arbitrary<Address> = fc.oneof(
  fc.record({ host, port: fc.integer({ min: 0, max: 65535 }) }),
  fc.record({
    path: fc.string({ minLength: 1 }).filter((path) => path[0] !== "@"),
  }),
);

Deno.test("parseAddress() reads back what formatAddress() wrote, for any address", () => {
  fc.assert(fc.property(address, (value) => {
    // an IPv4 address mapped into IPv6 is shown as the IPv4 address that it is
    if ("host" in value && /^::ffff:\d+\./i.test(value.host)) return;
    assertEquals(parseAddress(formatAddress(value)), value);
  }));
});

Deno.test("parseAddress() throws nothing but usage errors, for any text", () => {
  fc.assert(fc.property(fc.string({ unit: codePoint }), (text) => {
    try {
      parseAddress(text);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
    }
  }));
});

Deno.test("formatAddress() gives IPv6 brackets, and shows mapped IPv4 as IPv4", () => {
  assertEquals(formatAddress({ host: "::1", port: 80 }), "[::1]:80");
  assertEquals(
    formatAddress({ host: "::ffff:127.0.0.1", port: 80 }),
    "127.0.0.1:80",
  );
});

Deno.test("parsePort() reads back every port", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 65535 }), (port) => {
    assertEquals(parsePort(String(port)), port);
  }));
});

Deno.test("parseHost() takes IPv6 with and without brackets", () => {
  assertEquals(parseHost("::"), "::");
  assertEquals(parseHost("[::]"), "::");
});

Deno.test("addressOf() knows both kinds of socket", () => {
  assertEquals(addressOf({ transport: "tcp", hostname: "::1", port: 1 }), {
    host: "::1",
    port: 1,
  });
  assertEquals(addressOf({ transport: "unix", path: "/a" }), { path: "/a" });
  assertEquals(addressOf({ transport: "vsock", cid: 1, port: 2 }), {
    path: "",
  });
});

Deno.test("isLoopback() knows this machine's own names", () => {
  for (
    const name of [
      "localhost",
      "LOCALHOST.",
      "127.0.0.1",
      "127.9.9.9",
      "::1",
      "::ffff:127.0.0.1",
    ]
  ) {
    assertEquals(isLoopback(name), true, name);
  }
  for (
    const name of ["example.com", "128.0.0.1", "localhost.example.com", "::2"]
  ) {
    assertEquals(isLoopback(name), false, name);
  }
});

Deno.test("permissionsFor() names hosts with their ports, sockets from the root, and files", () => {
  for (
    const [text, net] of [
      ["a.example:80", ["a.example:80"]],
      ["EXAMPLE.com.:80", ["example.com:80"]],
      ["a.example:0", ["a.example"]],
      ["127.0.0.1:1", ["127.0.0.1:1"]],
      ["[::1]:1", ["[::1]:1"]],
      ["[fe80::1%lo]:1", ["[fe80::1]:1"]],
      ["localhost:1", ["localhost:1", "127.0.0.1:1", "[::1]:1"]],
      ["localhost:0", ["localhost", "127.0.0.1", "[::1]"]],
      ["unix:/a.sock", ["unix:/a.sock"]],
      ["unix:./a.sock", [`unix:${Deno.cwd()}/a.sock`]],
    ] as const
  ) assertEquals(permissionsFor([parseAddress(text)], []).net, [...net]);
  assertEquals(permissionsFor([{ path: "s" }], ["f", undefined]), {
    net: [`unix:${Deno.cwd()}/s`],
    read: [`${Deno.cwd()}/s`, "f"],
    write: [`${Deno.cwd()}/s`],
  });
});
