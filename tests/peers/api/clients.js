/**
 * Clients from npm that ask an api, run by Node in a folder where they are installed: what each call gives, as JSON.
 *
 * @module
 */

import { argv, stdout } from "node:process";

const [, , base = "", ...names] = argv;
// whoever checks this file need not have them
const load = (name) => import(name);

const idsOf = (list) => list.map(({ id }) => id);

/** Calls one after the other; what throws is told by its status. */
async function callAll(calls) {
  const results = {};
  for (const [name, call] of Object.entries(calls)) {
    results[name] = await call().catch((error) => ({
      status: error.status ?? error.statusCode ?? `${error}`,
    }));
  }
  return results;
}

const clients = {
  async reactAdmin() {
    const { default: connect } = await load("ra-data-json-server");
    const provider = connect(base);
    const order = { field: "views", order: "DESC" };
    const pagination = { page: 1, perPage: 2 };
    const listOf = async (filter, more = {}) => {
      const params = { pagination, sort: order, filter, ...more };
      const { data, total } = await provider.getList("posts", params);
      return [idsOf(data), total];
    };
    return await callAll({
      list: () => listOf({}),
      page: () => listOf({}, { pagination: { page: 2, perPage: 2 } }),
      filter: () => listOf({ author: "ann" }),
      search: () => listOf({ q: "third" }),
      several: () => listOf({ id: [1, 3] }),
      nested: () => listOf({ meta: { lang: "en" } }),
      one: async () => (await provider.getOne("posts", { id: 2 })).data.title,
      many: async () =>
        idsOf((await provider.getMany("posts", { ids: [1, 4] })).data),
      reference: async () => {
        const params = { target: "postId", id: 1, pagination, filter: {} };
        const sort = { field: "id", order: "ASC" };
        const { data, total } = await provider.getManyReference("comments", {
          ...params,
          sort,
        });
        return [idsOf(data), total];
      },
      create: async () =>
        (await provider.create("posts", { data: { title: "new" } })).data,
      update: async () => {
        const data = { title: "put" };
        return (await provider.update("posts", { id: 5, data })).data;
      },
      updateMany: async () => {
        const data = { title: "all" };
        return (await provider.updateMany("posts", { ids: [4, 5], data })).data;
      },
      remove: async () => {
        await provider.delete("posts", { id: 5, previousData: { id: 5 } });
        return await provider.getOne("posts", { id: 5 });
      },
      removeMany: async () =>
        (await provider.deleteMany("posts", { ids: [4] })).data,
    });
  },

  async refine() {
    const { default: connect } = await load("@refinedev/simple-rest");
    const provider = connect(base);
    const listOf = async (filters, more = {}) => {
      const params = { resource: "posts", filters, ...more };
      const { data, total } = await provider.getList(params);
      return [idsOf(data), total];
    };
    const filter = (field, operator, value) => [{ field, operator, value }];
    const sorters = [{ field: "author", order: "asc" }, {
      field: "views",
      order: "desc",
    }];
    return await callAll({
      list: () => listOf([], { pagination: { currentPage: 2, pageSize: 2 } }),
      sorters: () => listOf([], { sorters }),
      equal: () => listOf(filter("author", "eq", "ann")),
      several: () => listOf(filter("id", "eq", [1, 3])),
      unequal: () => listOf(filter("author", "ne", "ann")),
      atLeast: () => listOf(filter("views", "gte", 20)),
      contains: () => listOf(filter("title", "contains", "ir")),
      search: () => listOf(filter("q", "eq", "third")),
      one: async () =>
        (await provider.getOne({ resource: "posts", id: 2 })).data.title,
      many: async () =>
        idsOf(
          (await provider.getMany({ resource: "posts", ids: [1, 3] })).data,
        ),
      create: async () => {
        const variables = { title: "new" };
        return (await provider.create({ resource: "posts", variables })).data;
      },
      update: async () => {
        const params = { resource: "posts", id: 3, variables: { views: 0 } };
        return (await provider.update(params)).data;
      },
      put: async () => {
        const meta = { method: "put" };
        const params = { resource: "posts", id: 3, variables: { views: 1 } };
        return (await provider.update({ ...params, meta })).data;
      },
      remove: async () => {
        await provider.deleteOne({ resource: "posts", id: 3 });
        return await provider.getOne({ resource: "posts", id: 3 });
      },
      custom: async () => {
        const params = { url: `${base}/profile`, method: "get" };
        return (await provider.custom(params)).data;
      },
    });
  },

  async axios() {
    const { default: axios } = await load("axios");
    const client = axios.create({ baseURL: base });
    const listOf = async (params, more = {}) =>
      idsOf((await client.get("/posts", { params, ...more })).data);
    const etagOf = async () => (await client.get("/posts/1")).headers.etag;
    return await callAll({
      filter: () => listOf({ author: "ann" }),
      brackets: () => listOf({ id: [1, 3] }),
      indices: () =>
        listOf({ id: [1, 3] }, { paramsSerializer: { indexes: true } }),
      repeated: () =>
        listOf({ id: [1, 3] }, { paramsSerializer: { indexes: null } }),
      page: async () => {
        const params = { _page: 1, _limit: 2 };
        const { data, headers } = await client.get("/posts", { params });
        return [idsOf(data), headers["x-total-count"]];
      },
      create: async () =>
        (await client.post("/posts", { title: "new" })).status,
      form: async () => {
        const form = new URLSearchParams({ title: "form" });
        return (await client.post("/posts", form)).data.title;
      },
      patch: async () => {
        const headers = { "if-match": await etagOf() };
        return (await client.patch("/posts/1", { views: 1 }, { headers }))
          .status;
      },
      stale: async () => {
        const headers = { "if-match": '"other"' };
        return await client.patch("/posts/1", { views: 2 }, { headers });
      },
      remove: async () => {
        await client.delete("/posts/2");
        return await client.get("/posts/2");
      },
    });
  },

  async eventsource() {
    const { EventSource } = await load("eventsource");
    const events = [];
    const source = new EventSource(`${base}/posts`);
    await new Promise((resolve) => source.addEventListener("open", resolve));
    const ended = new Promise((resolve) =>
      source.addEventListener("message", ({ data }) => {
        const { change, document } = JSON.parse(data);
        events.push([change, document.title]);
        if (change === "deleted") resolve();
      })
    );
    const headers = { "content-type": "application/json" };
    const write = async (method, path, body) => {
      const response = await fetch(base + path, { method, headers, body });
      await response.text();
    };
    await write("POST", "/posts", '{"id":77,"title":"seen"}');
    await write("PATCH", "/posts/77", '{"title":"changed"}');
    await write("DELETE", "/posts/77");
    await ended;
    source.close();
    return events;
  },
};

const results = {};
for (const name of names) results[name] = await clients[name]();
stdout.write(JSON.stringify(results));
