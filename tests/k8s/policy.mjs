// policy.mjs FILE... - rules of our own for the rendered documents. Each is tried twice: on
// the documents as they are, and on a copy spoilt on purpose, in which it must find a fault.
// policy.mjs --links FILE - prints who may connect to which port of whom.
import { readFileSync } from 'node:fs';
import {
    containers, findAll, load, named, ofKind, quantity, selects, services, settingsOf,
    settingsTable, workloads,
} from './documents.mjs';

const pods = (documents) => workloads(documents).map((workload) => ({
    where: named(workload), name: workload.metadata.name, workload,
    spec: workload.spec.template.spec, labels: workload.spec.template.metadata.labels,
}));
const first = (documents, kind, name) => ofKind(documents, kind).find(
    (document) => !name || document.metadata.name === name);
const podOf = (documents, name) => pods(documents).find((pod) => pod.name === name);

// ---- what a pod may do ----------------------------------------------------------------

function* isConfined(documents) {
    for (const { where, spec } of pods(documents)) {
        const { securityContext: user = {} } = spec;
        if (user.runAsNonRoot !== true || user.runAsUser !== 10001 || user.fsGroup !== 10001)
            yield `${where}: does not run as 10001`;
        if (user.seccompProfile?.type !== 'RuntimeDefault')
            yield `${where}: no seccomp profile`;
        if (spec.hostNetwork || spec.hostPID || spec.hostIPC)
            yield `${where}: shares something with its node`;
        if (spec.volumes.some((volume) => volume.hostPath))
            yield `${where}: mounts a directory of its node`;
    }
    for (const { where, container } of containers(documents)) {
        const may = container.securityContext ?? {};
        if (may.allowPrivilegeEscalation !== false || may.privileged)
            yield `${where}: may gain privileges`;
        if (may.readOnlyRootFilesystem !== true)
            yield `${where}: may write to its root`;
        if (!may.capabilities?.drop?.includes('ALL') || may.capabilities.add)
            yield `${where}: has capabilities`;
    }
    const labels = first(documents, 'Namespace')?.metadata.labels ?? {};
    if (labels['pod-security.kubernetes.io/enforce'] !== 'restricted')
        yield 'the namespace does not enforce `restricted`';
}

function* hasNoToken(documents) {
    for (const { where, spec } of pods(documents)) {
        if (spec.automountServiceAccountToken !== false)
            yield `${where}: gets a service-account token`;
        if (spec.enableServiceLinks !== false)
            yield `${where}: gets variables of Services`;
    }
}

function* isLimited(documents) {
    for (const { where, container } of containers(documents))
        for (const what of ['cpu', 'memory']) {
            const { requests, limits } = container.resources ?? {};
            if (!requests?.[what] || !limits?.[what])
                yield `${where}: no request or no limit of ${what}`;
            else if (quantity(requests[what]) > quantity(limits[what]))
                yield `${where}: asks for more ${what} than its limit`;
        }
}

function* imageIsFixed(documents) {
    for (const { where, workload, container } of containers(documents)) {
        const [, name, tag] = /([^/:@]+)(?::([^@]+)|@sha256:.+)?$/.exec(container.image);
        if (name !== `zex-${workload.metadata.name}`)
            yield `${where}: image ${container.image}`;
        if (!container.image.includes('@') && (!tag || tag === 'latest'))
            yield `${where}: no fixed tag: ${container.image}`;
    }
}

// ---- life -----------------------------------------------------------------------------

function* isProbed(documents) {
    const served = readFileSync('common/http.c', 'utf8');
    const paths = { startupProbe: '/livez', livenessProbe: '/livez', readinessProbe: '/readyz' };
    for (const { where, container } of containers(documents)) {
        for (const [probe, path] of Object.entries(paths)) {
            const asked = container[probe]?.httpGet;
            if (asked?.path !== path || !served.includes(`"${path}"`))
                yield `${where}: ${probe} does not ask for ${path}`;
            else if (!container.ports.some((port) => port.name === asked.port))
                yield `${where}: ${probe} asks at no port`;
        }
        const { periodSeconds = 10, failureThreshold = 3 } = container.startupProbe ?? {};
        if (periodSeconds * failureThreshold < 3600)
            yield `${where}: less than an hour to replay`;
    }
}

function* endsInOrder(documents) {
    for (const { where, spec, name } of pods(documents)) {
        if ((spec.terminationGracePeriodSeconds ?? 30) < 30)
            yield `${where}: no time for a last commit`;
        const priority = first(documents, 'PriorityClass', spec.priorityClassName);
        if (!priority)
            yield `${where}: no priority class ${spec.priorityClassName}`;
        else if (name !== 'sequencer' && priority.value >= first(documents, 'PriorityClass',
            podOf(documents, 'sequencer').spec.priorityClassName).value)
            yield `${where}: as important as the sequencer`;
    }
    const gateway = podOf(documents, 'gateway').spec;
    if (!(gateway.containers[0].lifecycle?.preStop?.sleep?.seconds > 0))
        yield 'gateway: clients are sent to a pod that ends';
}

function* isSpread(documents) {
    for (const { where, spec, labels, workload } of pods(documents)) {
        const terms = [
            ...findAll(spec.affinity?.podAntiAffinity ?? {}, 'podAffinityTerm'),
            ...spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [],
            ...spec.topologySpreadConstraints ?? []];
        const must = spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
        if (must && workload.spec.strategy?.rollingUpdate?.maxUnavailable === 0)
            yield `${where}: a roll needs a node more than there are pods`;
        for (const over of ['kubernetes.io/hostname', 'topology.kubernetes.io/zone'])
            if (!terms.some((term) => term.topologyKey === over
                && selects(term.labelSelector, labels)
                && String(term.matchLabelKeys) === 'app.kubernetes.io/name'))
                yield `${where}: not spread over ${over}`;
    }
}

function* isGuarded(documents) {
    for (const { where, labels, name } of pods(documents)) {
        const budgets = ofKind(documents, 'PodDisruptionBudget').filter(
            (budget) => selects(budget.spec.selector, labels));
        if (budgets.length !== 1)
            yield `${where}: ${budgets.length} disruption budgets`;
        else if (budgets[0].spec.maxUnavailable !== (name === 'sequencer' ? 0 : 1))
            yield `${where}: budget of ${budgets[0].spec.maxUnavailable}`;
        else if (budgets[0].spec.unhealthyPodEvictionPolicy !== 'AlwaysAllow')
            yield `${where}: a pod that is not ready holds its node`;
    }
}

function* scales(documents) {
    for (const scaler of ofKind(documents, 'HorizontalPodAutoscaler')) {
        const { kind, name } = scaler.spec.scaleTargetRef;
        const target = first(documents, kind, name);
        if (kind !== 'Deployment' || !target)
            yield `${named(scaler)}: scales ${kind}/${name}`;
        else if (target.spec.replicas !== undefined)
            yield `${named(target)}: each apply would undo the autoscaler`;
    }
    for (const set of ofKind(documents, 'StatefulSet')) {
        const shards = Number(settingsOf(documents, set.spec.template.spec.containers[0]).ZEX_SHARDS);
        const wanted = set.metadata.name === 'shard' ? shards : 1;
        if (set.spec.replicas !== wanted)
            yield `${named(set)}: ${set.spec.replicas} replicas, not ${wanted}`;
    }
}

// ---- data, keys, settings -------------------------------------------------------------

function* keepsItsVolume(documents) {
    for (const set of ofKind(documents, 'StatefulSet')) {
        const [claim, ...others] = set.spec.volumeClaimTemplates ?? [];
        const settings = settingsOf(documents, set.spec.template.spec.containers[0]);
        if (!claim || others.length || String(claim.spec.accessModes) !== 'ReadWriteOncePod')
            yield `${named(set)}: not one ReadWriteOncePod volume`;
        else if (quantity(claim.spec.resources.requests.storage)
            < 1.2 * settings.ZEX_MAP_SIZE_MB * 2 ** 20)
            yield `${named(set)}: the map could outgrow the volume`;
        const { whenDeleted, whenScaled } = set.spec.persistentVolumeClaimRetentionPolicy ?? {};
        if (whenDeleted !== 'Retain' || whenScaled !== 'Retain')
            yield `${named(set)}: its volume may be deleted with it`;
    }
    for (const { where, container } of containers(documents)) {
        const { ZEX_DATA_DIR } = settingsOf(documents, container);
        if (!container.volumeMounts.some((mount) => mount.mountPath === ZEX_DATA_DIR))
            yield `${where}: ${ZEX_DATA_DIR} is on no volume`;
    }
}

function* hasItsKeyOnly(documents) {
    for (const { where, name, spec } of pods(documents)) {
        const secrets = findAll(spec, 'secret').concat(findAll(spec, 'secretKeyRef'),
            findAll(spec, 'secretRef'));
        if (secrets.length !== 1 || secrets[0].name !== `keys-${name}`)
            yield `${where}: secrets ${secrets.map((secret) => secret.name)}`;
        const keys = spec.volumes.find((volume) => volume.name === 'keys');
        if (keys?.projected?.defaultMode !== 0o400)
            yield `${where}: keys are not 0400`;
        const mount = spec.containers[0].volumeMounts.find((mount) => mount.name === 'keys');
        const settings = settingsOf(documents, spec.containers[0]);
        for (const file of [settings.ZEX_KEY_FILE, settings.ZEX_KEYS_FILE])
            if (!mount?.readOnly || !file?.startsWith(`${mount.mountPath}/`))
                yield `${where}: ${file} is not among the keys`;
        if (settings.ZEX_CURVE !== 'true' || settings.ZEX_DURABLE !== 'true')
            yield `${where}: runs without keys or without syncing`;
    }
}

function* isConfigured(documents) {
    const table = settingsTable();
    const all = containers(documents).flatMap(({ where, container }) =>
        Object.entries(settingsOf(documents, container)).map(([name, value]) =>
            ({ where, name, value })));
    for (const { where, name, value } of all) {
        const setting = table.get(name);
        if (!setting)
            yield `${where}: no setting ${name}`;
        else if (value !== undefined && setting.kind === 'NUMBER'
            && !(/^\d+$/.test(value) && value >= setting.min && value <= setting.max))
            yield `${where}: ${name}=${value}`;
        else if (value !== undefined && setting.kind === 'SWITCH' && !/^(true|false)$/.test(value))
            yield `${where}: ${name}=${value}`;
    }
    for (const { where, container } of containers(documents))
        for (const name of ['ZEX_FORCE_OPEN', 'ZEX_CLOCK_JUMP', 'ZEX_SKIP'])
            if (name in settingsOf(documents, container))
                yield `${where}: ${name} would hold for every start`;
}

// ---- the network ----------------------------------------------------------------------

// Who connects to which address: the picture of services/README.md.
const links = {
    sequencer: [],
    risk: ['SEQUENCER', 'SEQUENCER_PUB'],
    shard: ['RISK', 'RISK_PUB', 'SEQUENCER'],
    settlement: ['SEQUENCER', 'SEQUENCER_PUB'],
    portfolio: ['SEQUENCER', 'SEQUENCER_PUB'],
    gateway: ['SEQUENCER', 'SEQUENCER_PUB', 'RISK', 'SHARD', 'SETTLEMENT', 'PORTFOLIO'],
};

// The address as others see it: that of a pod with a name and a port of its Service.
function* hasNames(documents) {
    const settings = ofKind(documents, 'ConfigMap').find(
        (map) => map.data?.ZEX_ENDPOINT_RISK)?.data ?? {};
    for (const address of new Set(Object.values(links).flat())) {
        const [, pod, ordinal, service, port] =
            /^tcp:\/\/(\w+)-(0|%d)\.(\w+):(\d+)$/.exec(settings[`ZEX_ENDPOINT_${address}`]) ?? [];
        const found = first(documents, 'Service', service);
        const owner = podOf(documents, pod);
        if (!found || !owner || (pod === 'shard') !== (ordinal === '%d')) {
            yield `${address}: nobody is at ${settings[`ZEX_ENDPOINT_${address}`]}`;
            continue;
        }
        if (found.spec.clusterIP !== 'None' || !found.spec.publishNotReadyAddresses
            || owner.workload.spec.serviceName !== service
            || !selects({ matchLabels: found.spec.selector }, owner.labels)
            || !found.spec.ports.some((served) => served.port === Number(port)))
            yield `${address}: Service ${service} does not name its pods`;
        if (settingsOf(documents, owner.spec.containers[0])[`ZEX_ENDPOINT_${address}`]
            !== `tcp://*:${port}`)
            yield `${address}: ${pod} does not bind port ${port}`;
        if (!owner.spec.containers[0].ports.some((open) => open.containerPort === Number(port)))
            yield `${address}: ${pod} does not declare port ${port}`;
    }
}

const wantedLinks = (documents) => {
    const { data } = ofKind(documents, 'ConfigMap').find((map) => map.data?.ZEX_ENDPOINT_RISK);
    return services.flatMap((from) => links[from].map((address) => {
        const [, to, port] = /\.(\w+):(\d+)$/.exec(data[`ZEX_ENDPOINT_${address}`]);
        return `${from} -> ${to}:${port}`;
    })).sort();
};

// Pairs of pods that the policies let through, seen from one end.
function allowed(documents, direction) {
    const all = pods(documents);
    const found = [];
    for (const policy of ofKind(documents, 'NetworkPolicy'))
        for (const rule of policy.spec[direction] ?? [])
            for (const peer of rule[direction === 'egress' ? 'to' : 'from'] ?? [])
                for (const one of all.filter((pod) => selects(policy.spec.podSelector, pod.labels)))
                    for (const other of all.filter((pod) => !peer.namespaceSelector && !peer.ipBlock
                        && selects(peer.podSelector, pod.labels)))
                        for (const { port } of rule.ports)
                            found.push(direction === 'egress' ? `${one.name} -> ${other.name}:${port}`
                                : `${other.name} -> ${one.name}:${port}`);
    return found.sort();
}

function* isFenced(documents) {
    const closed = ofKind(documents, 'NetworkPolicy').some((policy) => {
        const { podSelector, policyTypes, ingress, egress } = policy.spec;
        return Object.keys(podSelector).length === 0 && !ingress && !egress
            && policyTypes.includes('Ingress') && policyTypes.includes('Egress');
    });
    if (!closed)
        yield 'nothing denies by default, both ways';
    for (const { where, name, labels } of pods(documents))
        if (!ofKind(documents, 'NetworkPolicy').some((policy) =>
            policy.metadata.name === name && selects(policy.spec.podSelector, labels)))
            yield `${where}: no policy of its own`;
    const wanted = wantedLinks(documents);
    for (const direction of ['ingress', 'egress']) {
        const found = allowed(documents, direction);
        for (const link of found.filter((link) => !wanted.includes(link)))
            yield `${direction}: ${link} is no link`;
        for (const link of wanted.filter((link) => !found.includes(link)))
            yield `${direction}: ${link} is closed`;
    }
}

function* isWhole(documents) {
    const has = (kind, name) => first(documents, kind, name) !== undefined;
    const made = ['public-keys', 'begin']; // by keys.sh; by the operator
    for (const name of services)
        if (!podOf(documents, name))
            yield `${name}: no pods`;
    for (const { where, spec } of pods(documents))
        for (const ref of ['configMapRef', 'configMapKeyRef', 'configMap'].flatMap(
            (key) => findAll(spec, key)))
            if (!made.includes(ref.name) && !has('ConfigMap', ref.name))
                yield `${where}: no ConfigMap ${ref.name}`;
    for (const document of documents)
        if (!['Namespace', 'PriorityClass'].includes(document.kind)
            && document.metadata.namespace !== 'zex')
            yield `${named(document)}: in namespace ${document.metadata.namespace}`;
}

// ---- each rule, and what it must find --------------------------------------------------

const settingsMap = (documents) => ofKind(documents, 'ConfigMap').find(
    (map) => map.data?.ZEX_SHARDS).data;
const keysOf = (documents, name) => podOf(documents, name).spec.volumes.find(
    (volume) => volume.name === 'keys').projected;
const container = (documents) => containers(documents)[0].container;

const rules = [
    ['pods are confined', isConfined,
        (d) => { delete podOf(d, 'risk').spec.securityContext.runAsNonRoot; }],
    ['roots are read-only', isConfined,
        (d) => { container(d).securityContext.readOnlyRootFilesystem = false; }],
    ['no tokens', hasNoToken,
        (d) => { delete podOf(d, 'risk').spec.automountServiceAccountToken; }],
    ['limits', isLimited,
        (d) => { delete container(d).resources.limits.memory; }],
    ['images are fixed', imageIsFixed,
        (d) => { container(d).image = container(d).image.replace(/:.*/, ':latest'); }],
    ['probes', isProbed,
        (d) => { container(d).readinessProbe.httpGet.path = '/healthz'; }],
    ['an orderly end', endsInOrder,
        (d) => { podOf(d, 'risk').spec.terminationGracePeriodSeconds = 0; }],
    ['priorities', endsInOrder,
        (d) => { podOf(d, 'sequencer').spec.priorityClassName = 'zex-edge'; }],
    ['pods are spread', isSpread,
        (d) => { delete podOf(d, 'gateway').spec.topologySpreadConstraints; }],
    ['disruption budgets', isGuarded,
        (d) => { first(d, 'PodDisruptionBudget', 'risk').spec.selector.matchLabels.x = 'y'; }],
    ['broken pods hold nobody', isGuarded,
        (d) => { delete first(d, 'PodDisruptionBudget', 'risk').spec.unhealthyPodEvictionPolicy; }],
    ['rolls need no node more', isSpread,
        (d) => { podOf(d, 'gateway').spec.affinity = podOf(d, 'risk').spec.affinity;
            podOf(d, 'gateway').spec.affinity.podAntiAffinity
                .requiredDuringSchedulingIgnoredDuringExecution = [{}]; }],
    ['scale', scales,
        (d) => { first(d, 'StatefulSet', 'shard').spec.replicas++; }],
    ['the autoscaler is left alone', scales,
        (d) => { first(d, 'Deployment').spec.replicas = 2; }],
    ['volumes are kept', keepsItsVolume,
        (d) => { settingsMap(d).ZEX_MAP_SIZE_MB = '1000000'; }],
    ['each has its key only', hasItsKeyOnly,
        (d) => { keysOf(d, 'risk').sources.push({ secret: { name: 'keys-shard' } }); }],
    ['keys are for the owner', hasItsKeyOnly,
        (d) => { keysOf(d, 'risk').defaultMode = 0o444; }],
    ['settings exist', isConfigured,
        (d) => { settingsMap(d).ZEX_ORDER_RAT = '1'; }],
    ['settings are in range', isConfigured,
        (d) => { settingsMap(d).ZEX_SHARDS = '65'; }],
    ['addresses are those of pods', hasNames,
        (d) => { settingsMap(d).ZEX_ENDPOINT_RISK = 'tcp://risk-0.risk:5529'; }],
    ['names without readiness', hasNames,
        (d) => { delete first(d, 'Service', 'risk').spec.publishNotReadyAddresses; }],
    ['networks: nothing else', isFenced,
        (d) => { first(d, 'NetworkPolicy', 'shard').spec.egress[0].ports[0].port = 5511; }],
    ['networks: default deny', isFenced,
        (d) => { first(d, 'NetworkPolicy', 'deny').spec.policyTypes.pop(); }],
    ['networks: every pod', isFenced,
        (d) => { first(d, 'NetworkPolicy', 'portfolio').spec.podSelector.matchLabels.x = 'y'; }],
    ['all is there', isWhole,
        (d) => { first(d, 'StatefulSet', 'risk').metadata.namespace = 'default'; }],
];

if (process.argv[2] === '--links') {
    allowed(load(process.argv[3]), 'egress').forEach((link) => console.log(link));
    process.exit(0);
}
let failures = 0;
const fail = (...words) => { failures++; console.log(...words); };
for (const file of process.argv.slice(2)) {
    const documents = load(file);
    for (const [what, rule, spoil] of rules) {
        for (const fault of rule(documents))
            fail(`${file}: ${what}: ${fault}`);
        const spoilt = structuredClone(documents);
        spoil(spoilt);
        if ([...rule(spoilt)].length === 0)
            fail(`${file}: ${what}: the spoilt copy passes`);
    }
}
const count = new Set(rules.map(([, rule]) => rule)).size;
console.log(`${count} rules, ${rules.length} spoilt copies of each, ${failures} failures`);
process.exit(failures ? 1 : 0);
