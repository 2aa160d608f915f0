# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""recording_format.py FILE - a reader of recordings made from docs/recording-format.md.

It shares nothing with the C reader, so what both make of a file is what the page says.
Prints the number of events, and size and checksum of all there is in the file, laid out
as struct tape of recording_fixture.c does. Not for blocks compressed with zstd.
"""
import json
import struct
import sys
import zlib

M64, M32 = 2**64 - 1, 2**32 - 1
FUTEX, KLOCK, HOLDER = 0x0004, 0x0020, 0x0200
COLUMNS = ("time_low out_low waking_low time out waking next cpu waker word val holder "
           "rest").split()
# The structs of bpf/events.h after the header; the names of their fields as stored.
REST = {
    3: ("<QIIIIIHxx16s", "QIIIIIH16s"),
    4: ("<QQQQIIIHxx16s", "QQQQIIIH16s"),
    5: ("<QIIIIII", "QIIIIII"),
    7: ("<QQQQQIIIIHHxxxx16s", "QQQQQIIIIHH16s"),
    8: ("<QQQQIIIHxx16s", "QQQQIIIH16s"),
    9: ("<QIxxxx", "QI"),
}


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        part = self.data[self.at:self.at + n]
        assert len(part) == n, "cut off"
        self.at += n
        return part

    def u8(self):
        return self.take(1)[0]

    def varint(self):
        value = shift = 0
        while True:
            byte = self.u8()
            value |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                return value

    def folded(self):
        return unfold(self.varint())


def unfold(value):
    return value >> 1 if value % 2 == 0 else -(value >> 1) - 1


def turn_back(value):
    return value >> 1 | (value & 1) << 31


class Thread:
    def __init__(self, ident):
        self.id = ident
        self.in_ns = self.off = self.word = self.older_word = self.val = 0
        self.older_val = self.next = self.waker = self.holder = self.cpu = 0


class Events:
    """A block of events."""

    def __init__(self, content, items):
        lists = Reader(content)
        n_threads, n_shapes = lists.varint(), lists.varint()
        sizes = [lists.varint() for _ in COLUMNS]
        self.threads, ident = [], 0
        for _ in range(n_threads):
            ident = (ident + lists.folded()) & M32
            self.threads.append(Thread(ident))
        self.shapes = [[lists.varint() for _ in range(5)] for _ in range(n_shapes)]
        width = 1 if n_threads <= 256 else 2
        places = lists.take(items * width)
        self.places = [int.from_bytes(places[i * width:(i + 1) * width], "little")
                       for i in range(items)]
        self.kinds = lists.take(items)
        self.columns = {name: Reader(lists.take(size)) for name, size in zip(COLUMNS, sizes)}
        assert lists.at == len(content)
        self.time = self.last_word = 0
        self.running = {}

    def split(self, name):
        low = self.columns[name + "_low"].u8()
        return unfold(self.columns[name].varint() << 8 | low)

    def number(self, name):
        return self.columns[name].varint()

    def comes_in(self, thread, cpu):
        before = self.running.get(cpu % 1024)
        if before and before.cpu == cpu:
            before.off, before.next = self.time, thread.id
        self.running[cpu % 1024] = thread
        thread.in_ns, thread.off, thread.cpu = self.time, 0, cpu

    def interval(self, t, told):
        out = t.off
        if told & 0x001:
            out = (self.split("out") + (t.in_ns or self.time)) & M64
        who = 0x80000000 if told & 0x001 else t.next
        if told & 0x002:
            who = turn_back(self.number("next"))
        cpu_out = self.number("cpu") if told & 0x004 else t.cpu
        cpu_in = self.number("cpu") if told & 0x008 else cpu_out
        return out, who, cpu_out, cpu_in

    def wait(self, t, flags, told):
        waking = (self.time - self.split("waking")) & M64 if told & 0x010 else 0
        if told & 0x020:
            t.waker = turn_back(self.number("waker"))
        word = t.word if flags & (FUTEX | KLOCK) else 0
        if told & 0x200:
            word = t.older_word
        if told & 0x040:
            word = (unfold(self.number("word")) + (t.word or self.last_word)) & M64
        val = (t.older_val if told & 0x200 else t.val) if flags & FUTEX else 0
        if told & 0x080:
            val = (val + unfold(self.number("val"))) & M32
        holder = t.holder if flags & HOLDER else 0
        if told & 0x100:
            holder = t.holder = self.number("holder")
        if flags & (FUTEX | KLOCK):
            if word != t.word:
                t.older_word, t.older_val, t.word = t.word, t.val, word
            t.val, self.last_word = val, word
        return waking, word, holder, val

    def rest(self, kind):
        layout, fields = REST[kind]
        rest = self.columns["rest"]
        values = []
        for field in fields.replace("16s", "s"):
            values.append(rest.take(16) if field == "s" else rest.varint())
        return values, struct.pack(layout, *values)

    def all(self):
        for place, shape in zip(self.places, self.kinds):
            t = self.threads[place]
            kind, flags, nr, op, told = self.shapes[shape]
            self.time = (self.time + self.split("time")) & M64
            header = struct.pack("<HHIQ", kind, flags, t.id, self.time)
            if kind in (1, 2, 6):
                out, who, cpu_out, cpu_in = self.interval(t, told)
                if kind == 1:
                    yield header + struct.pack("<QIHH", out, who, cpu_out, cpu_in)
                else:
                    waking, word, holder, val = self.wait(t, flags, told)
                    yield header + struct.pack("<QQQIHHIIHHI", out, waking, word, who, cpu_out,
                                               cpu_in, t.waker, holder, nr, op, val)
                if kind != 6:
                    self.comes_in(t, cpu_in)
            else:
                values, packed = self.rest(kind)
                yield header + packed
                if kind == 3:
                    self.comes_in(t, values[6])
        assert all(column.at == len(column.data) for column in self.columns.values())


def mappings(content, items):
    reader = Reader(content)
    pid = time = 0
    for _ in range(items):
        kind = reader.u8()
        pid += reader.folded()
        time = (time + reader.folded()) & M64
        numbers, flags, build_id = [0] * 6, 0, b""
        if kind == 2:
            numbers = [reader.varint() for _ in range(6)]
            flags = reader.u8()
            build_id = reader.take(reader.u8())
        path = reader.take(reader.varint())
        yield (struct.pack("<12Q", kind, pid, time, *numbers, flags >> 1, flags & 1,
                           len(build_id)) + build_id.ljust(20, b"\0") + path + b"\0")
    assert reader.at == len(content)


def document(content):
    text = json.dumps(json.loads(content), ensure_ascii=False, sort_keys=True,
                      separators=(",", ":"))
    return text.encode() + b"\0"


def main():
    with open(sys.argv[1], "rb") as file:
        reader = Reader(file.read())
    header = reader.take(32)
    assert header[:12] == bytes.fromhex("8f636f6e766f790d0a1a0a00"), "no recording"
    assert struct.unpack_from("<H", header, 12) == (1,), "version"
    assert struct.unpack_from("<I", header, 28) == (zlib.crc32(header[:28]),), "header"
    tape, events, sequence, kind = b"", 0, 0, 0
    while kind != 4:
        head = reader.take(40)
        (magic, kind, codec, _, number, size, stored, items, _, content_sum,
         head_sum) = struct.unpack("<4sHBBQIIIIII", head)
        content = reader.take(stored)
        assert magic == b"BLK\x8f" and number == sequence
        assert head_sum == zlib.crc32(head[:36]) and content_sum == zlib.crc32(content)
        sequence += 1
        if codec == 1:
            content = zlib.decompress(content)
        assert codec < 2 and len(content) == size
        if kind == 1:
            tape += b"D" + document(content)
        elif kind == 2:
            for event in Events(content, items).all():
                tape += b"E" + event
                events += 1
        elif kind == 3:
            for mapping in mappings(content, items):
                tape += b"M" + mapping
    assert reader.at == len(reader.data)
    print(f"{events} events, tape of {len(tape)} bytes, {zlib.crc32(tape):#x}")


main()
