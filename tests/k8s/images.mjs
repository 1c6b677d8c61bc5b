// images.mjs - rules for deploy/Dockerfile and deploy/compose.yaml. As in policy.mjs each is
// tried twice: on the file as it is, and on a copy spoilt on purpose.
import { readFileSync } from 'node:fs';
import { DockerfileParser } from 'dockerfile-ast';
import { validate } from 'dockerfile-utils';
import { parse } from 'yaml';
import { services, settingsTable } from './documents.mjs';

// ---- Dockerfile -----------------------------------------------------------------------

const read = (text) => DockerfileParser.parse(text);
const named = (instructions, ...names) =>
    instructions.filter((one) => names.includes(one.getKeyword()));
// The instructions of the stage that becomes the image, its FROM first.
function lastStage(text) {
    const all = read(text).getInstructions();
    return all.slice(all.findLastIndex((one) => one.getKeyword() === 'FROM'));
}
const argumentOf = (text, name) =>
    named(lastStage(text), name).map((one) => one.getRawArgumentsContent()).at(-1) ?? '';

function* isWellFormed(text) {
    for (const { range, message } of validate(text))
        yield `line ${range.start.line + 1}: ${message}`;
}

function* beginsFromNothing(text) {
    if (argumentOf(text, 'FROM') !== 'scratch')
        yield `the image begins with ${argumentOf(text, 'FROM')}`;
    for (const one of named(lastStage(text), 'RUN', 'ADD', 'ONBUILD', 'SHELL'))
        yield `${one.getKeyword()} in the image itself`;
}

function* isNobody(text) {
    const [user, group] = argumentOf(text, 'USER').split(':').map(Number);
    if (!(user > 9999 && group > 9999))
        yield `runs as ${argumentOf(text, 'USER') || 'root'}`;
}

function* needsNoShell(text) {
    for (const name of ['ENTRYPOINT', 'HEALTHCHECK'])
        if (!/^(.*CMD )?\["\/usr\/bin\/zex-service"/s.test(argumentOf(text, name)))
            yield `${name} is not the service itself`;
    if (argumentOf(text, 'STOPSIGNAL') !== 'SIGTERM')
        yield 'is not stopped by SIGTERM';
}

function* isLabelled(text) {
    for (const what of ['title', 'description', 'licenses', 'version', 'revision'])
        if (!argumentOf(text, 'LABEL').includes(`org.opencontainers.image.${what}=`))
            yield `no label of its ${what}`;
}

function* namesNoRegistry(text) {
    for (const one of named(read(text).getInstructions(), 'FROM', 'ARG'))
        if (/[\w-]+\.[a-z]+(:\d+)?\/|:latest/.test(one.getRawArgumentsContent()))
            yield `${one.getKeyword()} ${one.getRawArgumentsContent()}`;
}

// ---- compose --------------------------------------------------------------------------

const all = (compose) => Object.entries(compose.services);
const kindOf = (name) => name.replace(/-\d+$/, '');

function* isWhole(compose) {
    const found = all(compose).map(([name]) => kindOf(name)).sort().join();
    if (found !== [...services].sort().join())
        yield `services ${found}`;
    for (const [name, { image }] of all(compose))
        if (image !== `zex-${kindOf(name)}:\${TAG:-dev}`)
            yield `${name}: image ${image}`;
}

function* isConfined(compose) {
    for (const [name, service] of all(compose)) {
        if (service.user !== '10001:10001' || service.privileged || service.cap_add)
            yield `${name}: has rights`;
        if (service.read_only !== true || String(service.cap_drop) !== 'ALL')
            yield `${name}: may write to its root, or has capabilities`;
        if (!service.security_opt?.includes('no-new-privileges:true'))
            yield `${name}: may gain privileges`;
    }
}

function* isBounded(compose) {
    for (const [name, service] of all(compose)) {
        for (const what of ['mem_limit', 'pids_limit', 'cpus', 'restart', 'stop_grace_period'])
            if (!service[what])
                yield `${name}: no ${what}`;
        if (!service.logging?.options?.['max-size'])
            yield `${name}: its log has no end`;
    }
}

function* keepsItsOwn(compose) {
    for (const [name, service] of all(compose)) {
        if (String(service.volumes) !== `${name}:/var/lib/zex` || !(name in compose.volumes))
            yield `${name}: volume ${service.volumes}`;
        const secrets = (service.secrets ?? []).map((one) => one.source ?? one);
        if (String(secrets) !== `${name},services` || service.secrets[0].target !== 'key')
            yield `${name}: secrets ${secrets}`;
    }
}

function* opensOnlyTheGateway(compose) {
    for (const [name, { networks, ports = [] }] of all(compose)) {
        if (kindOf(name) !== 'gateway' && (ports.length || String(networks) !== 'venue'))
            yield `${name}: can be reached from outside`;
        if (ports.some((port) => !port.startsWith('127.0.0.1:')))
            yield `${name}: ports ${ports}`;
    }
    if (compose.networks.venue?.internal !== true)
        yield 'the network of the services leads out';
}

function* hasRealSettings(compose) {
    const table = settingsTable();
    for (const [name, { environment }] of all(compose))
        if (!(environment.ZEX_SHARDS_MAX > 1))
            yield `${name}: never another shard`;
    for (const [name, { environment }] of all(compose))
        for (const setting of Object.keys(environment))
            if (!table.has(setting))
                yield `${name}: no setting ${setting}`;
}

// ---- each rule, on the file and on a spoilt copy --------------------------------------

const inText = (from, to) => (text) => {
    if (!text.includes(from))
        throw new Error(`nothing to spoil: ${from}`);
    return text.replace(from, to);
};
const inCompose = (change) => (compose) => {
    const copy = structuredClone(compose);
    change(copy);
    return copy;
};
const dockerfileRules = [
    [isWellFormed, inText('EXPOSE 8080', 'EXPOSE port'), inText('WORKDIR', 'WORKDIRECTORY')],
    [beginsFromNothing, inText('FROM scratch', 'FROM build'), inText('VOLUME', 'RUN echo\nVOLUME')],
    [isNobody, inText('USER 10001:10001', 'USER 0:0'), inText('USER 10001:10001\n', '')],
    [needsNoShell, inText('CMD ["', 'CMD sh -c ["'), inText('STOPSIGNAL SIGTERM', 'STOPSIGNAL SIGKILL'),
        inText('ENTRYPOINT ["/usr', 'ENTRYPOINT ["/sh", "/usr')],
    [isLabelled, inText('image.version=', 'image.date=')],
    [namesNoRegistry, inText('BASE=zex-base', 'BASE=registry.example/debian'),
        inText('BASE=zex-base', 'BASE=debian:latest')],
];
const composeRules = [
    [isWhole, inCompose((c) => { delete c.services.risk; }),
        inCompose((c) => { c.services.risk.image = 'zex-risk:latest'; })],
    [isConfined, inCompose((c) => { c.services.risk.read_only = false; }),
        inCompose((c) => { c.services.risk.user = 'root'; }),
        inCompose((c) => { c.services.risk.security_opt = []; })],
    [isBounded, inCompose((c) => { delete c.services.gateway.pids_limit; }),
        inCompose((c) => { delete c.services.gateway.logging; })],
    [keepsItsOwn, inCompose((c) => { c.services.risk.volumes = ['sequencer:/var/lib/zex']; }),
        inCompose((c) => { c.services.risk.secrets[0].source = 'sequencer'; })],
    [opensOnlyTheGateway, inCompose((c) => { c.services.risk.ports = ['127.0.0.1:1:1']; }),
        inCompose((c) => { c.services.gateway.ports = ['5550:5550']; }),
        inCompose((c) => { delete c.networks.venue.internal; })],
    [hasRealSettings, inCompose((c) => { c.services.risk.environment.ZEX_SHARD = 1; }),
        inCompose((c) => { c.services.risk.environment.ZEX_SHARDS_MAX = 1; })],
];

let bad = 0;
let spoilt = 0;
function complain(what) {
    console.log(what);
    bad++;
}
function hold(where, subject, rules) {
    for (const [rule, ...spoils] of rules) {
        for (const fault of rule(subject))
            complain(`${where}: ${rule.name}: ${fault}`);
        for (const spoil of spoils) {
            spoilt++;
            if (rule(spoil(subject)).next().done)
                complain(`${where}: ${rule.name} finds nothing in a spoilt copy: ${spoil}`);
        }
    }
}
hold('Dockerfile', readFileSync('deploy/Dockerfile', 'utf8'), dockerfileRules);
hold('compose.yaml', parse(readFileSync('deploy/compose.yaml', 'utf8'), { merge: true }), composeRules);
console.log(`${dockerfileRules.length + composeRules.length} rules, ${spoilt} spoilt copies, ${bad} failures`);
process.exit(bad ? 1 : 0);
