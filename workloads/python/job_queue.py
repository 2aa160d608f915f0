# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A producer feeds workers, who answer: what a message costs.

queue.Queue between threads, multiprocessing.Queue between processes. The producer runs at
most WINDOW messages ahead of the answers, so that neither waits for room in both at once.
"""
import collections

from worker import Task, add_rate

WINDOW = 64
QUEUE_ROOM = WINDOW // 4    # so that the producer has to wait for room, too

Shared = collections.namedtuple("Shared", "questions answers")


def produce(n, questions, answers):
    sent = done = total = 0
    while done < n:
        if sent < n and sent < done + WINDOW:
            questions.put(sent)
            sent += 1
        else:
            total += answers.get()
            done += 1
    return total


def answer(n, questions, answers):
    done = 0
    while done < n:
        answers.put(2 * questions.get() + 1)
        done += 1
    return done


def share(_params, kit):
    return Shared(kit.Queue(QUEUE_ROOM), kit.Queue(WINDOW))


def messages_of(params):
    return params.work * (params.workers - 1)


def plan(params, shared):
    messages = messages_of(params)
    # The sum of the first odd numbers is a square.
    tasks = [Task("produce", produce, (messages,) + shared, messages * messages, 0)]
    for i in range(1, params.workers):
        tasks.append(Task("answer-%d" % i, answer, (params.work,) + shared, params.work, 0))
    return tasks


def finish(params, done, metrics):
    producing = done.tasks[0]
    metrics["messages"] = messages_of(params)
    add_rate(metrics, "messages_per_s", messages_of(params),
             producing.end_ns - producing.start_ns)
    return []
