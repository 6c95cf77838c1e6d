#!/bin/sh
#SBATCH --job-name=sweep
#SBATCH --array=1-10%4
#SBATCH --output=sweep-%A_%a.out
echo "element $SLURM_ARRAY_TASK_ID of $SLURM_ARRAY_TASK_COUNT"
