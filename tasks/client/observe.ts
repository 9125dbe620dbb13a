/**
 * A connection in sentences: the way there, who ends it first, and what UDP and WebSocket make of it.
 *
 * @module
 */

import type { Output } from "../../lib/cli/io.ts";
import { type Address, formatAddress } from "../../lib/net/address.ts";
import type { Socket } from "../../lib/net/connection.ts";
import { createSay, type Language } from "../get/view/explain.ts";
import { createWay } from "../get/view/way.ts";
import type { PatientOptions } from "./wait.ts";

/** What hears a connection, and says each fact of it. */
interface Observer {
  /** The same way, which is heard. */
  readonly route: PatientOptions;
  /** Hears what goes over a socket from now on; a socket of UDP may have sent a datagram without a byte. */
  readonly watch: (socket: Socket, hasSent: boolean) => void;
  /** Hears that a WebSocket is open, and at last the code that it is closed with. */
  readonly onMessages: (code?: number) => void;
  readonly fail: (error: unknown) => void;
}

/** Makes what says each fact of a connection on an output. */
export function createObserver(
  language: Language,
  output: Output,
  address: Address,
  route: PatientOptions,
): Observer {
  const say = createSay(language, output);
  const way = createWay(say, route.proxy);
  way.begin(address);
  const { tls } = route;
  const onFacts: typeof way.onFacts = (facts) => {
    tls?.onFacts?.(facts);
    way.onFacts(facts);
  };
  // what is timed finds the addresses of a name apart
  const heard = { timed: true, onTry: way.onTry };
  let isUdp = false;

  return {
    route: { ...route, ...heard, tls: tls && { ...tls, onFacts } },
    watch(socket, hasSent) {
      const { message } = socket;
      isUdp = message !== undefined;
      const to = formatAddress(address);
      if (tls) way.trust(tls);
      if (message && hasSent) say("datagram-sent", { bytes: 0 });
      let [bytes, isClosing, isEnded] = [0, false, false];
      const { read, write, closeWrite } = socket;
      // a wrapper would hide what kind of socket it is
      socket.read = async (buffer) => {
        const count = await read.call(socket, buffer);
        bytes += count ?? 0;
        if (message && count !== null) {
          say("datagram-came", { bytes: count, to });
        } else if (!message && count === null && !isEnded) {
          isEnded = true;
          say(isClosing ? "client-first" : "server-first", { bytes });
        }
        return count;
      };
      socket.write = async (chunk) => {
        const count = await write.call(socket, chunk);
        if (message) say("datagram-sent", { bytes: count });
        return count;
      };
      socket.closeWrite = async () => {
        await closeWrite.call(socket);
        if (!message && !isClosing && !isEnded) say("half-close");
        isClosing = true;
      };
    },
    onMessages(code) {
      if (code === undefined) say("101", { protocol: "WebSocket" });
      else if (!say(`close-${code}`)) say("close", { code });
    },
    fail(error) {
      const { facts } = way.soFar();
      // the silence of UDP has a hint already
      if (!isUdp) way.fail(error, tls && !facts.tls ? "late-tls" : "");
    },
  };
}
