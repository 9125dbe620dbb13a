/**
 * Sandboxes: private copies of the root's documents, by name, each as they were when it was first used.
 *
 * @module
 */

import type { BodyLimits } from "./request.ts";
import { createResources, type Resources } from "./resources.ts";
import type { Store } from "./store/store.ts";

/** Sandboxes by name. */
export interface Sandboxes {
  /** Gives a sandbox, which is made on first use. Others that were not used for longest may go for it. */
  open(name: string): Resources;
  /** Gives a sandbox that was used before: it counts as used again. */
  find(name: string): Resources | undefined;
  /** Drops a sandbox: what is under way in it is told. */
  reset(name: string): void;
  all(): Iterable<Resources>;
}

type OwnStore = Store & Disposable;

/** A copy of the root that sandboxes share for as long as none of them writes. */
interface Snapshot {
  readonly store: OwnStore;
  users: number;
}

interface Sandbox {
  readonly resources: Resources;
  /** Finds out what it weighs: what is read may be made then. */
  weigh(): void;
}

const maxSandboxes = 200;

/**
 * Creates the sandboxes of a store.
 *
 * @param maxBytes How much memory their documents take together: a larger one is kept alone.
 */
export function createSandboxes(
  root: Store,
  limits: BodyLimits,
  maxBytes = 2 ** 28,
): Sandboxes {
  const kept = new Map<string, Sandbox>();
  const sizes = new Map<OwnStore, number>();
  let latest: (Snapshot & { readonly version: number }) | undefined;

  function weigh(store: OwnStore): OwnStore {
    sizes.set(store, store.size());
    return store;
  }

  function isFull(): boolean {
    const total = sizes.values().reduce((sum, size) => sum + size, 0);
    return kept.size > maxSandboxes || total > maxBytes;
  }

  function makeRoom(used: string): void {
    for (const name of kept.keys()) {
      if (!isFull()) return;
      if (name !== used) reset(name);
    }
  }

  function share(): Snapshot {
    const version = root.version();
    if (latest?.version !== version) {
      latest = { version, store: weigh(root.copy(maxBytes)), users: 0 };
    }
    latest.users++;
    return latest;
  }

  /** Makes the copy that is written to of one that is read; the last of its users may have it. */
  function own(snapshot: Snapshot): OwnStore {
    if (snapshot.users > 1) {
      const copy = weigh(snapshot.store.copy(maxBytes));
      snapshot.users--;
      return copy;
    }
    snapshot.users--;
    if (latest === snapshot) latest = undefined;
    return snapshot.store;
  }

  function drop(store: OwnStore): void {
    sizes.delete(store);
    store[Symbol.dispose]();
  }

  function make(name: string): Sandbox {
    const snapshot = share();
    let written: OwnStore | undefined;
    let [readVersion, isClosed] = [0, false];

    function store(): OwnStore {
      if (isClosed) throw new Error("the sandbox was dropped");
      return written ?? snapshot.store;
    }

    function write<T>(work: (store: Store) => T): T {
      // Its versions go on from those that were read.
      readVersion ||= store().version() + 1;
      written ??= own(snapshot);
      return work(written);
    }

    function settle(): void {
      if (isClosed) return;
      weigh(store());
      makeRoom(name);
    }

    async function writeSoon<T>(
      work: (store: Store) => Promise<T>,
    ): Promise<T> {
      try {
        return await write(work);
      } finally {
        settle();
      }
    }

    const resources = createResources({
      naming: root.naming,
      version: () => readVersion + store().version(),
      resources: () => store().resources(),
      list: (resource, query) => store().list(resource, query),
      get: (resource, id, relations) => store().get(resource, id, relations),
      dump: () => store().dump(),
      nextId: (resource) => store().nextId(resource),
      size: () => store().size(),
      copy: (bytes) => store().copy(bytes),
      insert: (resource, documents, check) =>
        writeSoon((own) => own.insert(resource, documents, check)),
      put: (resource, id, change) =>
        writeSoon((own) => own.put(resource, id, change)),
      delete: (resource, id, check) =>
        writeSoon((own) => own.delete(resource, id, check)),
      load: (data, check) => writeSoon((own) => own.load(data, check)),
      [Symbol.dispose]() {
        if (isClosed) return;
        const last = store();
        isClosed = true;
        if (written === undefined) {
          if (--snapshot.users > 0) return;
          if (latest === snapshot) latest = undefined;
        }
        drop(last);
      },
    }, limits);
    return { resources, weigh: () => void weigh(store()) };
  }

  function keep(name: string, sandbox: Sandbox): Sandbox {
    kept.delete(name);
    kept.set(name, sandbox);
    return sandbox;
  }

  function use(name: string): Sandbox | undefined {
    const sandbox = kept.get(name);
    return sandbox && keep(name, sandbox);
  }

  function reset(name: string): void {
    kept.get(name)?.resources.close();
    kept.delete(name);
  }

  return {
    open(name) {
      const { weigh, resources } = use(name) ?? keep(name, make(name));
      weigh();
      makeRoom(name);
      return resources;
    },
    find: (name) => use(name)?.resources,
    reset,
    all: () => kept.values().map(({ resources }) => resources),
  };
}
