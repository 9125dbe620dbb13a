import { assert, assertEquals } from "@std/assert";
import { compare } from "./differential.ts";

Deno.test("a comparison names what differs, and what differs for a reason", async () => {
  const responses = [200, 500, 200].values();
  await using peer = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response("[]", { status: responses.next().value ?? 404 }),
  );
  const origin = `http://127.0.0.1:${peer.addr.port}`;
  const ours = (request: Request) =>
    new Response(request.url.endsWith("x") ? "[1]" : "[]");
  const result = await compare(ours, origin, [
    { method: "GET", path: "/a" },
    { method: "GET", path: "/b" },
    { method: "GET", path: "/x" },
  ]);
  assertEquals(result.same, 1);
  assertEquals(Object.values(result.excepted), [1]);
  assertEquals(result.differing.length, 1);
  assert(result.differing[0]?.startsWith("GET /x"));
});
