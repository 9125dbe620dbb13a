import { assert, assertEquals } from "@std/assert";
import { createHandler } from "../../../tasks/api/handler.ts";
import { openStore } from "../../../tasks/api/store/sqlite.ts";
import { hasJsonServer, startJsonServer } from "../json_server.ts";
import { inFolder } from "../support.ts";
import { compare, see } from "./differential.ts";
import { createRequests, type RandomRequest, WORLD } from "./random_query.ts";

const isHere = await hasJsonServer();
const reason = isHere ? "" : " (skipped: json-server cannot be installed)";

Deno.test({
  name: `reads and writes answer as json-server's do${reason}`,
  ignore: !isHere,
  fn: () =>
    inFolder(async (folder) => {
      await using peer = await startJsonServer(WORLD, folder);
      using store = openStore(":memory:", JSON.parse(JSON.stringify(WORLD)));
      const handler = createHandler(store);
      const { read, write } = createRequests(1);

      const reads = Array.from({ length: 200 }, read);
      const { same, differing } = await compare(handler, peer.origin, reads);
      assertEquals(differing, []);
      assert(same > 180, `${same} of 200 are the same`);

      const orphaning = ["/users/3", "/posts/1", "/albums/2"]
        .map((path): RandomRequest => ({ method: "DELETE", path }));
      const writes = [...Array.from({ length: 100 }, write), ...orphaning];
      const written = await compare(handler, peer.origin, writes);
      assertEquals(written.differing, []);

      const db = { method: "GET", path: "/db" };
      assertEquals(
        (await see(handler, peer.origin, db)).text,
        (await see(fetch, peer.origin, db)).text,
      );
    }),
});

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
