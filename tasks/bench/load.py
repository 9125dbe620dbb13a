"""The other end of what is measured, and a watch over programs. It prints what it found as a line of JSON.

accept PORT CONCURRENCY MS  connects, reads to the end, closes, over and over
fetch PORT                  reads a connection to its end
push PORT BYTES             sends so much, and waits until it is closed
source BYTES [CERT KEY]     prints its port, then sends so much to one client after the other
messages PORT SIZE N MS     has N messages of a size echoed by a WebSocket at a time
reset PORT COUNT            connects and resets
run FILE PROGRAM ARG...     runs a program: CPU time in ms and peak of memory in bytes go to FILE
"""

import contextlib, json, os, re, select, signal, socket, ssl, struct, sys, time

HOST = "127.0.0.1"
CHUNK = memoryview(bytearray(os.urandom(256 * 1024)))


def report(begun, **found):
    found["ms"] = (time.perf_counter() - begun) * 1000
    print(json.dumps(found), flush=True)


def accept(port, concurrency, ms):
    poll, clients, done, failed = select.epoll(), {}, 0, 0

    def start():
        # nothing here that resolves names: it must be faster than all that it measures
        client = socket.socket(type=socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        client.connect_ex((HOST, int(port)))
        # wakes up once for each, when the other end is done
        poll.register(client, select.EPOLLRDHUP)
        clients[client.fileno()] = client

    begun = time.perf_counter()
    for _ in range(int(concurrency)):
        start()
    while clients and (ready := poll.poll(2)):
        more = time.perf_counter() - begun < float(ms) / 1000
        for file, _ in ready:
            client = clients.pop(file)
            try:
                served = len(client.recv(65536)) > 0
            except OSError:
                served = False
            done, failed = done + served, failed + (not served)
            client.close()
            if more:
                start()
    report(begun, done=done, failed=failed + len(clients))


def fetch(port, *_):
    client, begun, count = socket.create_connection((HOST, port)), time.perf_counter(), 0
    while size := client.recv_into(CHUNK):
        count += size
    report(begun, bytes=count)


def send(client, left):
    while left > 0:
        left -= client.send(CHUNK[:left])


def messages(port, size, count, ms):
    size, count, done = int(size), int(count), 0
    client = socket.create_connection((HOST, int(port)))
    client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    client.recv(65536)
    head = bytes([0x82, 0x80 | size]) if size < 126 else b"\x82\xff" + struct.pack(">Q", size)
    frames, begun = (head + b"mask" + bytes(size)) * count, time.perf_counter()
    while time.perf_counter() - begun < float(ms) / 1000:
        client.sendall(frames)
        left = len(frames) - 4 * count
        while left > 0:
            left -= client.recv_into(CHUNK)
        done += count
    report(begun, done=done)


def push(port, count):
    client, begun = socket.create_connection((HOST, port)), time.perf_counter()
    send(client, int(count))
    client.shutdown(socket.SHUT_WR)
    client.recv(1)
    report(begun, bytes=int(count))


def source(count, *identity):
    server = socket.create_server((HOST, 0))
    print(server.getsockname()[1], flush=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if identity:
        context.load_cert_chain(*identity)
    while True:
        client, begun, sent = server.accept()[0], time.perf_counter(), 0
        try:
            if identity:
                client = context.wrap_socket(client, server_side=True)
            send(client, int(count))
            sent = int(count)
            client = client.unwrap() if identity else client
            client.shutdown(socket.SHUT_WR)
            client.recv(1)
        except OSError:
            # some hang up without an end of TLS
            pass
        report(begun, bytes=sent)
        client.close()


def reset(port, count):
    for _ in range(int(count)):
        client = socket.create_connection((HOST, port))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()


def run(path, *command):
    child = os.posix_spawnp(command[0], command, os.environ)

    def stop(*_):
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGTERM)

    signal.signal(signal.SIGTERM, stop)
    _, status, use = os.wait4(child, 0)
    found = {"cpu": (use.ru_utime + use.ru_stime) * 1000}
    # a child begins as its parent: a peak below ours is not known
    with open("/proc/self/status") as own:
        if use.ru_maxrss > int(re.search(r"VmHWM:\s+(\d+)", own.read())[1]):
            found["rss"] = use.ru_maxrss * 1024
    with open(path, "w") as file:
        json.dump(found, file)
    sys.exit(os.waitstatus_to_exitcode(status) & 255)


verb, *arguments = sys.argv[1:]
globals()[verb](*arguments)
