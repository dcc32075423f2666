import { Command } from 'commander';
import { astCommand } from './bench/ast/ast-command.ts';
import { costCommand } from './bench/cost-command.ts';
import { enginesCommand, sparseCommand } from './bench/engines/engines-command.ts';
import { loopCommand } from './bench/loop/loop-command.ts';
import { sensorsCommand } from './bench/sensors-command.ts';
import { overheadCommand } from './bench/serving/overhead-command.ts';
import { soakCommand } from './bench/serving/soak-command.ts';
import { swapCommand } from './bench/swap-command.ts';
import { throughputCommand } from './bench/throughput/throughput-command.ts';
import { recordCommand, simulateCommand } from './simulate/simulate-command.ts';

/** `ebb lab`: stressors, load, benchmarks and a simulator. */
export function command(): Command {
  const bench = new Command('bench')
    .description('measure one thing against another in one run')
    .addCommand(swapCommand())
    .addCommand(overheadCommand())
    .addCommand(soakCommand())
    .addCommand(costCommand())
    .addCommand(loopCommand())
    .addCommand(sensorsCommand())
    .addCommand(throughputCommand())
    .addCommand(astCommand())
    .addCommand(sparseCommand())
    .addCommand(enginesCommand());
  return new Command('lab').addCommand(bench).addCommand(simulateCommand()).addCommand(recordCommand());
}
