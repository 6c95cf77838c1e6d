#!/bin/sh
#SBATCH --job-name=hello
#SBATCH --output=hello-%j.out
echo "hello from job $SLURM_JOB_ID on $SLURMD_NODENAME, $SLURM_CPUS_ON_NODE CPU"
