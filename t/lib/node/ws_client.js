// Copyright (C) the ngx_gateway authors
//
// Usage: ws_client.js CONNECTIONS
//
// Opens the WebSockets of a JSON list one after the other and prints what
// came of each, a JSON list too.  A connection:
//
//   url, protocols, headers
//   deflate    offers compression
//   send       messages, each sent when the one before was answered: a text,
//              or {bytes: N} for binary ones, {parts: [...]} for a text in
//              fragments, {ping: text}
//   close      code and reason, after the last answer; else the server closes

'use strict';

const ws = require('ws');


function send(socket, message)
{
    if (typeof message === 'string') {
        socket.send(message);

    } else if (message.bytes !== undefined) {
        socket.send(Buffer.alloc(message.bytes, 'z'));

    } else if (message.ping !== undefined) {
        socket.ping(message.ping);

    } else {
        message.parts.forEach((part, i) => {
            socket.send(part, {fin: i === message.parts.length - 1});
        });
    }
}


function connect(c)
{
    return new Promise((resolve) => {
        const result = {messages: [], pongs: []};
        const rest = (c.send || []).slice();
        const socket = new ws.WebSocket(c.url, c.protocols || [], {
            headers: c.headers || {},
            rejectUnauthorized: false,
            perMessageDeflate: Boolean(c.deflate),
            maxPayload: 1 << 28,
        });

        const next = () => {
            if (rest.length) {
                send(socket, rest.shift());
            } else if (c.close) {
                socket.close(c.close[0], c.close[1]);
            }
        };

        socket.on('upgrade', (response) => {
            result.status = response.statusCode;
            result.headers = response.headers;
        });
        socket.on('unexpected-response', (request, response) => {
            result.status = response.statusCode;
            result.headers = response.headers;
            result.body = '';
            response.on('data', (data) => {
                result.body += data;
            });
            response.on('end', () => resolve(result));
        });
        socket.on('open', () => {
            result.protocol = socket.protocol;
            result.extensions = socket.extensions;
        });
        socket.on('message', (data, binary) => {
            if (result.request === undefined) {
                result.request = JSON.parse(data.toString());
            } else {
                result.messages.push(binary ? data.length : data.toString());
            }

            next();
        });
        socket.on('pong', (data) => {
            result.pongs.push(data.toString());
            next();
        });
        socket.on('error', (error) => {
            result.error = error.message;
        });
        socket.on('close', (code, reason) => {
            result.code = code;
            result.reason = reason.toString();
            resolve(result);
        });
    });
}


async function main()
{
    const results = [];

    for (const c of JSON.parse(process.argv[2])) {
        results.push(await connect(c));
    }

    // connections that were not upgraded may live on
    process.stdout.write(JSON.stringify(results), () => process.exit(0));
}


main();
