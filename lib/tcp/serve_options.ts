import type { TlsServer } from "./certificate.ts";
import type { Cidr } from "./cidr.ts";
import type { Connection, Listener } from "./connection.ts";
import type { ServerEvent } from "./event.ts";

/** Options for `serve`. */
export interface ServeOptions {
  /** The host to listen on; `localhost` is both loopbacks. @default {"127.0.0.1"} */
  readonly host?: string;
  /** The port to listen on; 0 takes a free one. @default {0} */
  readonly port?: number;
  /** A Unix socket to listen on instead. */
  readonly path?: string;
  /** Speaks TLS with this certificate. */
  readonly tls?: TlsServer | undefined;
  /** What to do with a client; its connection is closed when the promise settles. */
  readonly handler: (connection: Connection) => Promise<void>;
  /** How many clients are served at a time; others wait in the system's queue. @default {1000} */
  readonly maxClients?: number;
  /** Whether to end after one client. @default {false} */
  readonly once?: boolean;
  /** Closes a connection over which nothing went for so many ms; without it, none. */
  readonly idleTimeout?: number | undefined;
  /**
   * Gives up a client that is not done with its TLS handshake after so many ms; Deno itself keeps such a socket open
   * until the client leaves it. @default {10000}
   */
  readonly handshakeTimeout?: number;
  /** Serves only clients from these ranges; all where there are none. */
  readonly allow?: readonly Cidr[];
  /** Does not serve clients from these ranges, whatever `allow` says. */
  readonly deny?: readonly Cidr[];
  /** Hears what happens. */
  readonly onEvent?: (event: ServerEvent) => void;
  /** Hears every chunk of bytes. */
  readonly onBytes?: Listener | undefined;
}
