import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { main } from "../../tasks/api.ts";
import { createHandler } from "../../tasks/api/handler.ts";
import { makeItems } from "../../tasks/api/store/seed.ts";
import { toData } from "../../tasks/api/store/schema.ts";
import { openStore } from "../../tasks/api/store/sqlite.ts";
import { main as posts } from "../../tasks/posts.ts";
import { hasJsonServer, startJsonServer } from "../api/json_server.ts";
import { crash } from "../api/store/crash.ts";
import { compare, see } from "../api/store/differential.ts";
import {
  createRequests,
  type RandomRequest,
  WORLD,
} from "../api/store/random_query.ts";
import {
  hasCommand,
  run,
  spawnProgram,
  start,
  withFolder,
} from "../support.ts";

const REQUESTS = `
import requests, sys
base = sys.argv[1]
response = requests.get(base + '/posts')
print(response.status_code)
print(len(response.json()))
data = {'title': 'foo', 'body': 'bar', 'userId': 1}
response = requests.post(base + '/posts', json=data)
print(response.status_code)
print(response.json())
import urllib.request
response = urllib.request.urlopen(base + '/posts')
data = response.read()
print(len(data.decode()) > 20000)
`;

const LISTING = `
import requests, sys
url = sys.argv[1] + '/posts'
response = requests.get(url)
data = response.json()
for post in data:
    print(f"Title: {post['title']}")
    print(f"Body: {post['body']}")
    print("-" * 40)
`;

const requests = hasCommand("python3") &&
  new Deno.Command("python3", {
    args: ["-c", "import requests"],
    stderr: "null",
  }).outputSync().success;

Deno.test({
  name:
    "api answers the tutorial's Python programs, and posts prints what they print (needs python3 with requests)",
  ignore: !requests,
  fn: async () => {
    const api = start(main, ["--memory", "--port", "0"]);
    const output = await api.stdout.waitFor(/Listening on http:\S+\/\n/);
    const base = output.match(/(http:\S+)\/\n/)?.[1] ?? "";
    const listing = await spawnProgram("python3", ["-c", LISTING, base]).result;
    assertEquals(listing.code, 0, listing.stderr);
    const ours = await run(posts, ["--url", base]);
    assertEquals(ours.stdout, listing.stdout);
    assertStringIncludes(
      ours.stdout,
      `Title: ${makeItems("posts")[0]?.title}\n`,
    );
    const programs = await spawnProgram("python3", ["-c", REQUESTS, base])
      .result;
    assertEquals(
      programs.stdout,
      "200\n100\n201\n{'title': 'foo', 'body': 'bar', 'userId': 1, 'id': 101}\nTrue\n",
      programs.stderr,
    );
    api.interrupt();
    await api.result;
  },
});

const isHere = await hasJsonServer();
const reason = isHere ? "" : " (skipped: json-server cannot be installed)";

Deno.test({
  name: `reads and writes answer as json-server's do${reason}`,
  ignore: !isHere,
  fn: () =>
    withFolder(async (folder) => {
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

Deno.test({
  name:
    `plurals, ids, lists of values and deletions are as json-server's are${reason}`,
  ignore: !isHere,
  fn: () =>
    withFolder(async (folder) => {
      const data = {
        "$schema": "./schema.json",
        people: [{ id: 1 }, { id: 2 }],
        children: [{ id: 1, personId: 1 }, { id: 2, personId: 2 }],
        toys: [{ id: 1, childId: 1, statusId: "x", datumId: 3 }],
        statuses: [{ id: "x" }],
        data: [{ id: 3 }],
        movies: [{ id: 1, analysisId: 1 }, { id: 2 }],
        analyses: [{ id: 1 }],
        tags: ["a", "bc", 1, null, [1], true],
      };
      await using peer = await startJsonServer(data, folder);
      using store = openStore(":memory:", toData(data));
      const handler = createHandler(store);
      const lines = `
        GET /people/1/children
        GET /people?_embed=children
        GET /children?_expand=person
        GET /children/1?_embed=toys
        GET /toys?_expand=status&_expand=datum
        GET /data/3?_embed=toys
        GET /statuses/x/toys
        GET /movies/1?_expand=analysis
        GET /analyses?_embed=movies
        GET /tags
        GET /tags/0
        GET /tags?_limit=2
        GET /tags?q=a
        POST /movies {}
        POST /movies {"id":"x"}
        POST /movies {}
        POST /movies {"id":""}
        POST /tags {"id":9}
        DELETE /statuses/x
        GET /toys
        DELETE /people/2
        DELETE /movies/2
        GET /people
        GET /children
        GET /movies
        GET /tags`.trim().split("\n");
      const requests = lines.map((line): RandomRequest => {
        const [method = "", path = "", body] = line.trim().split(" ");
        return body === undefined ? { method, path } : { method, path, body };
      });
      const { same, differing } = await compare(handler, peer.origin, requests);
      assertEquals(differing, []);
      assertEquals(same, requests.length);
    }),
});

Deno.test("5 times kill -9 among 8 writers lose no acknowledged write", () =>
  withFolder(async (folder) => {
    const remains = await crash(`${folder}/a.db`, 5);
    assertEquals([remains.lost, remains.integrity], [0, "ok"]);
    assert(remains.acknowledged >= 5 * 100);
  }));
