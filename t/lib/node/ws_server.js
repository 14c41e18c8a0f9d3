// Copyright (C) the ngx_gateway authors
//
// Usage: ws_server.js PORT
//
// A WebSocket upstream.  Sends the request it got as JSON first, then what
// it is sent; "close CODE REASON" closes, "drop" ends the connection without
// a word, "ping" pings the client.  Of the subprotocols offered it takes the
// last.  Tells how each connection closed.  Says "ready" once it listens.

'use strict';

const ws = require('ws');

const server = new ws.WebSocketServer({
    host: '127.0.0.1',
    port: Number(process.argv[2]),
    maxPayload: 1 << 28,
    perMessageDeflate: true,
    handleProtocols: (protocols) => Array.from(protocols).pop(),
});

server.on('connection', (socket, request) => {
    socket.on('error', () => {});

    socket.on('message', (data, binary) => {
        const [word, code, ...reason] = binary ? []
                                               : data.toString().split(' ');

        if (word === 'close') {
            socket.close(Number(code), reason.join(' '));
        } else if (word === 'drop') {
            socket.terminate();
        } else if (word === 'ping') {
            socket.ping('are you there');
        } else {
            socket.send(data, {binary: binary});
        }
    });

    socket.on('pong', (data) => socket.send(`pong ${data}`));
    socket.on('close', (code, reason) => console.log(`closed ${code} ${reason}`));

    socket.send(JSON.stringify({
        url: request.url,
        headers: request.headers,
        remotePort: request.socket.remotePort,
    }));
});

server.on('listening', () => console.log('ready'));
