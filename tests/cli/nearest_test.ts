import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { nearest } from "../../lib/cli/help.ts";

const KNOWN = ["--port", "--host", "--max-clients", "--once", "--idle-timeout"];

const TABLE: [string, string | undefined][] = [
  ["--prot", "--port"],
  ["--ports", "--port"],
  ["--por", "--port"],
  ["--Port", "--port"],
  ["-port", "--port"],
  ["--hots", "--host"],
  ["--maxclients", "--max-clients"],
  ["--maxClients", "--max-clients"],
  ["--max", "--max-clients"],
  ["--idle", "--idle-timeout"],
  ["--timeout", undefined],
  ["--zzz", undefined],
  ["-x", undefined],
  ["", "--port"],
];

Deno.test("nearest() finds the name that was meant, and none for a stranger", () => {
  for (const [typed, expected] of TABLE) {
    assertEquals(nearest(typed, KNOWN), expected, typed);
  }
  assertEquals(nearest("--port", []), undefined);
});

Deno.test("nearest() finds a name again for any one slip", () => {
  const slip = fc.record({
    name: fc.constantFrom(...KNOWN),
    at: fc.nat(20),
    letter: fc.constantFrom(..."abcxyz-"),
    cut: fc.constantFrom(0, 1),
  });
  fc.assert(fc.property(slip, ({ name, at, letter, cut }) => {
    const place = 2 + at % (name.length - 2);
    const typed = name.slice(0, place) + letter + name.slice(place + cut);
    assertEquals(nearest(typed, [name]), name, typed);
  }));
});
