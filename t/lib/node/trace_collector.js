// Copyright (C) the ngx_gateway authors
//
// Usage: trace_collector.js PORT
//
// A collector of spans: prints each POST as a line of JSON with the number of
// its "connection", its "url", "headers" and "body": JSON as it is, protobuf decoded by the published
// definitions of OTLP.  GET /fail/N has the next N requests answered by 500.

'use strict';

const http = require('http');

let failures = 0;
let connections = 0;

function decode(req, bytes) {
    if (/json/.test(req.headers['content-type'])) {
        return JSON.parse(bytes.toString());
    }

    const root = require(
        '@opentelemetry/otlp-transformer/build/src/generated/root');
    const proto = root.opentelemetry.proto.collector;
    const type = /logs/.test(req.url)
        ? proto.logs.v1.ExportLogsServiceRequest
        : proto.trace.v1.ExportTraceServiceRequest;

    return type.toObject(type.decode(bytes),
                         { longs: String, bytes: String, enums: String });
}

http.createServer((req, res) => {
    const parts = [];

    req.on('data', (part) => parts.push(part));
    req.on('end', () => {
        const fail = /^\/fail\/(\d+)/.exec(req.url);

        if (fail) {
            failures = Number(fail[1]);
            res.end('ok');
            return;
        }

        const status = failures > 0 ? 500 : 200;
        let body;

        failures -= status === 500 ? 1 : 0;

        try {
            body = decode(req, Buffer.concat(parts));
        } catch (error) {
            body = { error: String(error) };
        }

        console.log(JSON.stringify({ connection: req.socket.number,
                                     url: req.url, headers: req.headers,
                                     status, body }));
        res.writeHead(status);
        res.end();
    });
}).on('connection', (socket) => {
    connections++;
    socket.number = connections;
}).listen(process.argv[2], '127.0.0.1', () => console.log('ready'));
