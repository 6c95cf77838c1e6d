"""守护进程 scnsd：读快照、排计划、分配、启动、记录。"""

#: scnsd 奉命停下（`scontrol shutdown`）时的退出码：看着它的一方因此不再启动它。
SHUT_DOWN = 3
