// Copyright (C) the ngx_gateway authors
//
// Usage: keys_server.js PORT [TLS-PORT CERT KEY]
//
// A server of documents that can misbehave.  POST /control takes JSON:
//
//     { "body": "...", "status": 200, "headers": {...}, "delay": 0,
//       "mode": "ok" }
//
// and counts anew; mode is "ok", "chunked", "interim" (103 first), "until"
// (no length), "short" (ends too early), "reset", "garbage", "silent", "drip"
// (ten bytes each 20 ms).  GET /control tells "count" of other requests, the
// most at a time, and the last one's headers.  /redirect leads to "location",
// and every other path gives the document.  Says "ready" once it listens.

'use strict';

const fs = require('fs');
const http = require('http');
const https = require('https');

let state = {};
let stats = {};

function reset(next) {
    state = Object.assign({ body: '', status: 200, headers: {}, delay: 0,
                            mode: 'ok', location: '' }, next);
    stats = { count: 0, most: 0, now: 0, headers: {}, url: '', body: '',
              method: '' };
}

function drip(res, text) {
    if (text.length === 0 || res.destroyed) {
        res.end();
        return;
    }

    res.write(text.slice(0, 10));
    setTimeout(drip, 20, res, text.slice(10));
}

function answer(req, res) {
    const length = { 'Content-Length': Buffer.byteLength(state.body) };
    const socket = res.socket;

    if (req.url.startsWith('/redirect')) {
        res.writeHead(302, { Location: state.location });
        res.end();
        return;
    }

    switch (state.mode) {
    case 'chunked':
        res.writeHead(state.status, state.headers);
        for (let i = 0; i < state.body.length; i += 7) {
            res.write(state.body.slice(i, i + 7));
        }
        res.end();
        return;
    case 'interim':
        socket.write('HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n');
        break;
    case 'until':
        socket.end(`HTTP/1.0 ${state.status} x\r\n\r\n${state.body}`);
        return;
    case 'short':
        socket.end('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n'
                   + state.body);
        return;
    case 'reset':
        socket.destroy();
        return;
    case 'garbage':
        socket.end('what do you want\r\n\r\n');
        return;
    case 'silent':
        return;
    case 'drip':
        res.writeHead(state.status, Object.assign(length, state.headers));
        drip(res, state.body);
        return;
    }

    res.writeHead(state.status, Object.assign(length, state.headers));
    res.end(state.body);
}

function handler(req, res) {
    const chunks = [];

    req.on('data', (chunk) => chunks.push(chunk));
    req.on('end', () => {
        const body = Buffer.concat(chunks).toString();

        if (req.url === '/control') {
            if (req.method === 'POST') {
                reset(JSON.parse(body));
            }

            res.end(JSON.stringify(stats));
            return;
        }

        stats.count++;
        stats.now++;
        stats.most = Math.max(stats.most, stats.now);
        Object.assign(stats, { headers: req.headers, url: req.url, body,
                               method: req.method });
        res.on('close', () => stats.now--);
        setTimeout(answer, state.delay, req, res);
    });
}

reset({});

const [port, tlsPort, cert, key] = process.argv.slice(2);

http.createServer(handler).listen(Number(port), '127.0.0.1', () => {
    if (!tlsPort) {
        console.log('ready');
        return;
    }

    https.createServer({ cert: fs.readFileSync(cert),
                         key: fs.readFileSync(key) }, handler)
        .listen(Number(tlsPort), '127.0.0.1', () => console.log('ready'));
});
