// Copyright (C) the ngx_gateway authors
//
// Usage: grpc_server.js PORT [CERTIFICATE KEY]
//
// An upstream that answers as echo.proto says.  Metadata of the call steers
// it: x-fail is a status to end with, x-details its message, x-delay a time
// in milliseconds.  Says "ready" once it listens.

'use strict';

const fs = require('fs');
const path = require('path');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const echo = grpc.loadPackageDefinition(
    loader.loadSync(path.join(__dirname, 'echo.proto'), {keepCase: true}));


function reply(call, message, text)
{
    const metadata = {};

    for (const [name, value] of Object.entries(call.metadata.getMap())) {
        metadata[name] = value.toString();
    }

    return {
        text: text === undefined ? message.text : text,
        data: Buffer.alloc(message.size, 'x'),
        size: message.data.length,
        authority: call.getHost(),
        path: call.getPath(),
        metadata: metadata,
        deadline: Number.isFinite(Number(call.getDeadline())),
    };
}


function start(call)
{
    const initial = new grpc.Metadata();

    initial.set('x-initial', 'start');
    call.sendMetadata(initial);
}


function trailing()
{
    const metadata = new grpc.Metadata();

    metadata.set('x-trailing', 'end');
    metadata.set('x-bytes-bin', Buffer.from([0, 255, 10]));

    return metadata;
}


// ends a call as its metadata says; true when that is a failure
function failure(call)
{
    const code = call.metadata.get('x-fail')[0];

    if (code === undefined) {
        return null;
    }

    return {
        code: Number(code),
        details: call.metadata.get('x-details')[0] || '',
        metadata: trailing(),
    };
}


function unary(call, callback)
{
    const delay = Number(call.metadata.get('x-delay')[0] || 0);

    setTimeout(() => {
        const error = failure(call);

        if (error) {
            callback(error);
            return;
        }

        start(call);
        callback(null, reply(call, call.request), trailing());
    }, delay);
}


function collect(call, callback)
{
    const texts = [];
    let size = 0;

    call.on('data', (message) => {
        texts.push(message.text);
        size += message.data.length;
    });
    call.on('end', () => {
        const all = reply(call, {data: '', size: 0}, texts.join(','));

        all.size = size;
        callback(null, all, trailing());
    });
}


function repeat(call)
{
    start(call);

    for (let i = 0; i < call.request.count; i++) {
        call.write(reply(call, call.request, `${call.request.text}${i}`));
    }

    const error = failure(call);

    if (error) {
        call.emit('error', error);
        return;
    }

    call.end(trailing());
}


function chat(call)
{
    start(call);

    call.on('data', (message) => call.write(reply(call, message)));
    call.on('end', () => call.end(trailing()));
    call.on('cancelled', () => console.log('cancelled'));
}


const [port, cert, key] = process.argv.slice(2);
const server = new grpc.Server({'grpc.max_receive_message_length': -1});

const credentials = cert
    ? grpc.ServerCredentials.createSsl(null, [{
        cert_chain: fs.readFileSync(cert),
        private_key: fs.readFileSync(key),
    }])
    : grpc.ServerCredentials.createInsecure();

server.addService(echo.test.Echo.service, {
    Unary: unary,
    Collect: collect,
    Repeat: repeat,
    Chat: chat,
});

server.bindAsync(`127.0.0.1:${port}`, credentials, (error) => {
    if (error) {
        throw error;
    }

    console.log('ready');
});
