import { assertEquals, assertNotEquals } from "@std/assert";
import { openStore } from "../../../tasks/api/store/sqlite.ts";
import { createHandler } from "../../../tasks/api/handler.ts";
import { openApi, send } from "../support.ts";

const placeOf = (url: string) => new URL(url).origin;

Deno.test("photos are where the api was asked, on any port, host or in a sandbox, and are drawn there", async () => {
  using api = openApi({ host: "0.0.0.0" });
  for (
    const place of [
      "http://localhost:3000",
      "http://127.0.0.1:40123",
      "http://[::1]:8080",
      "http://laptop:4000",
      "https://localhost",
      "http://a$'b:4000",
    ]
  ) {
    for (const base of [place, `${place}/@mine`]) {
      const photo = await (await api.send(`GET ${base}/photos/7`)).json();
      const { origin } = new URL(place);
      assertEquals(
        [photo.url, photo.thumbnailUrl].map(placeOf),
        [origin, origin],
      );
      const drawn = await api.send(`GET ${photo.url}`);
      assertEquals(
        [drawn.status, drawn.headers.get("content-type")],
        [200, "image/svg+xml"],
      );
      await drawn.body?.cancel();
    }
  }
});

Deno.test("each way to a photo gives the URL that works", async () => {
  using api = openApi();
  const place = "http://127.0.0.1:4002";
  for (
    const path of [
      "/photos?_limit=20",
      "/photos?id=3",
      "/albums/1/photos",
      "/albums/1?_embed=photos",
      "/db",
      "/photos/1?callback=show",
    ]
  ) {
    const text = await (await api.send(`GET ${place}${path}`)).text();
    assertEquals(text.includes("localhost:3000"), false, path);
    assertEquals(text.includes(`"${place}/600/`), true, path);
    assertEquals(text.includes(`"${place}/150/`), true, path);
  }
  const init = { method: "PATCH", body: '{"title": "mine"}' };
  const changed = await (await api.send(`PATCH ${place}/photos/1`, init))
    .json();
  assertEquals(placeOf(changed.url), place);
});

Deno.test("photos that were put back, or come from a dump of another port, are where they are asked for", async () => {
  const old = "http://127.0.0.1:50123";
  using api = openApi();
  const dump = await (await api.send(`GET ${old}/db`)).text();
  using store = openStore(":memory:", JSON.parse(dump));
  const handler = createHandler(store);
  const photo = await (await send(handler, "GET /photos/1")).json();
  assertEquals(placeOf(photo.thumbnailUrl), "http://localhost:3000");
});

Deno.test("URLs of one's own stay as they were written", async () => {
  using api = openApi();
  const own = {
    url: "https://via.placeholder.com/600/92c952",
    other: "http://localhost:5173/600/92c952/more",
    href: "http://localhost:5173/600/92c952",
    list: ["http://localhost:5173/150/92c952"],
    quoted: '"url": "http://localhost:3000/600/92c952"',
    text: 'see "http://localhost:3000/600/92c952" there',
  };
  const created = await api.send("POST http://127.0.0.1:4002/posts", {
    body: JSON.stringify(own),
  });
  assertEquals(await created.json(), { ...own, id: 101 });
});

Deno.test("the tag of a photo is that of what is sent, for If-Match too", async () => {
  using api = openApi();
  const [here, there] = ["http://localhost:3000", "http://127.0.0.1:4002"];
  const tagAt = async (place: string) => {
    const response = await api.send(`GET ${place}/photos/1`);
    await response.body?.cancel();
    return response.headers.get("etag") ?? "";
  };
  const tag = await tagAt(there);
  assertNotEquals(tag, await tagAt(here));
  const write = async (place: string, tag: string) => {
    const headers = { "if-match": tag };
    const init = { headers, body: '{"title": "mine"}' };
    const response = await api.send(`PATCH ${place}/photos/1`, init);
    await response.body?.cancel();
    return response.status;
  };
  assertEquals(await write(here, tag), 412);
  assertEquals(await write(there, tag), 200);
});

Deno.test("who follows the changes of photos is told where they are", async () => {
  using api = openApi();
  const place = "http://127.0.0.1:4002";
  const headers = { accept: "text/event-stream" };
  const events = await api.send(`GET ${place}/photos`, { headers });
  const reader = events.body?.pipeThrough(new TextDecoderStream()).getReader();
  const init = { body: '{"title": "mine"}' };
  await (await api.send(`PATCH ${place}/photos/1`, init)).body?.cancel();
  let text = "";
  while (!text.includes("thumbnailUrl")) {
    text += (await reader?.read())?.value ?? "";
  }
  await reader?.cancel();
  assertEquals(text.includes(`"url":"${place}/600/`), true);
});

Deno.test("a filter finds a photo by the URL that it is shown with, and by that of the seed", async () => {
  using api = openApi({ host: "0.0.0.0" });
  for (
    const place of [
      "http://127.0.0.1:4002",
      "http://localhost:3000",
      "http://laptop:4000",
    ]
  ) {
    const { url, thumbnailUrl } =
      await (await api.send(`GET ${place}/photos/7`)).json();
    const idsOf = async (query: string) => {
      const list: { id: number }[] =
        await (await api.send(`GET ${place}/photos?${query}`)).json();
      return list.map(({ id }) => id);
    };
    for (const key of ["url", "url:eq", "url_like", "url:startsWith"]) {
      assertEquals(await idsOf(`${key}=${url}`), [7], key);
    }
    const stored = url.replace(new URL(url).origin, "http://localhost:3000");
    assertEquals(await idsOf(`url=${stored}`), [7]);
    assertEquals(await idsOf(`id=7&id=8&thumbnailUrl_ne=${thumbnailUrl}`), [8]);
    assertEquals(
      (await api.send(`GET ${place}/photos?url=${place}/600/none&_strict=1`))
        .status,
      200,
    );
  }
});
