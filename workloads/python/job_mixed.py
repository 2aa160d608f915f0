# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A server beside computing: the convoy effect.

Worker-1 answers requests over a pair of sockets, the others count down. The client is a
process of its own in every mode, so it never takes the server's GIL: as if it were another
machine. Its own clock says how long each answer took.
"""
import socket
import struct
import time

import kernel
import processes
from job_countdown import countdown
from worker import Task, add_rate

COMPUTE = 600000        # iterations of each other worker for one request
PER_REQUEST = 100       # iterations of the server
PAUSE_S = 0.001         # between an answer and the next request
NUMBER = struct.Struct("=q")


class Shared(object):
    """The two ends; only the client itself keeps its own."""

    def __init__(self):
        self.server, self.client = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send(end, number):
    end.send(NUMBER.pack(number))


def receive(end):
    data = end.recv(NUMBER.size)
    if not data:
        raise EOFError("the other end of the connection is gone")
    return NUMBER.unpack(data)[0]


def serve(n, server):
    send(server, 0)    # it is there
    done = 0
    while done < n:
        question = receive(server)
        countdown(PER_REQUEST)
        send(server, question + 1)
        done += 1
    return done


def request(n, shared):
    """What the client does: when each request was sent and answered."""
    shared.server.close()
    receive(shared.client)
    exchanges = []
    for i in range(n):
        time.sleep(PAUSE_S)
        sent = kernel.now()
        send(shared.client, i)
        answer = receive(shared.client)
        exchanges.append((sent, kernel.now()))
        if answer != i + 1:
            raise ValueError("request %d has the answer %d" % (i, answer))
    shared.client.close()
    return exchanges


def share(_params, _kit):
    return Shared()


def start_client(params, shared):
    client = processes.Child("client", params, request, (params.work, shared))
    shared.client.close()
    shared.client = None
    return client


def release(shared):
    """In every process that has it, when it needs it no more."""
    shared.server.close()


def plan(params, shared):
    tasks = [Task("requests", serve, (params.work, shared.server), params.work, 0)]
    for i in range(1, params.workers):
        tasks.append(Task("countdown-%d" % i, countdown, (params.work * COMPUTE,), 0, 0))
    return tasks


def percentile(ordered, percent):
    """The smallest value that at least this share of all do not exceed."""
    return ordered[(len(ordered) * percent + 99) // 100 - 1]


def finish(_params, done, metrics):
    exchanges, computing = done.answer, done.tasks[1:]
    latency = sorted(answered - sent for sent, answered in exchanges)
    start = min(task.start_ns for task in computing)
    end = max(task.end_ns for task in computing)
    metrics["requests"] = len(exchanges)
    add_rate(metrics, "requests_per_s", len(exchanges), exchanges[-1][1] - exchanges[0][0])
    metrics["latency_p50_ns"] = percentile(latency, 50)
    metrics["latency_p99_ns"] = percentile(latency, 99)
    metrics["latency_max_ns"] = latency[-1]
    metrics["requests_beside_computing"] = sum(
        sent >= start and answered <= end for sent, answered in exchanges)
    return []
