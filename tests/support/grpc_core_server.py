"""A gRPC server of the C++ core, for the tests of the lean carrier.

Argument: the path of a socket. Prints one line when it serves, drains and ends
when standard input ends: running calls may finish, new ones are refused.
"""

import sys
from concurrent import futures

import grpc

MESSAGE_BYTES = 131072
MESSAGE_BYTES_MAX = 16 * 1024 * 1024
DRAIN_SECONDS = 30


def unary(request, context):
    """Gives back the request, or the status that it asks for."""
    wanted = dict(context.invocation_metadata())
    if "x-status" not in wanted:
        return request
    context.set_trailing_metadata((
        ("grpc-status-details-bin", bytes([8, 8, 0x12, 0])),
        ("grpc-retry-pushback-ms", "7"),
    ))
    code = {c.value[0]: c for c in grpc.StatusCode}[int(wanted["x-status"])]
    context.abort(code, wanted["x-text-bin"].decode())


def down(request, context):
    """Sends as many messages as the request has bytes."""
    for count in range(len(request)):
        yield bytes([count % 256]) * MESSAGE_BYTES


def up(requests, context):
    """Counts the bytes that come."""
    return str(sum(len(message) for message in requests)).encode()


def both(requests, context):
    """Echoes."""
    context.send_initial_metadata((("x-greeting-bin", b"\x00\xff"),))
    yield from requests


def main():
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=32),
        options=(
            ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
            ("grpc.so_reuseport", 0),
        ),
    )
    server.add_generic_rpc_handlers((
        grpc.method_handlers_generic_handler("test.Echo", {
            "unary": grpc.unary_unary_rpc_method_handler(unary),
            "down": grpc.unary_stream_rpc_method_handler(down),
            "up": grpc.stream_unary_rpc_method_handler(up),
            "both": grpc.stream_stream_rpc_method_handler(both),
        }),
    ))
    server.add_insecure_port("unix:" + sys.argv[1])
    server.start()
    print("serving", flush=True)
    sys.stdin.read()
    server.stop(DRAIN_SECONDS).wait()


main()
