//! A lab full of web servers.

use std::collections::BTreeMap;
use std::process::Command;

use lab::{Lab, Result};

/// The port of every container.
pub const PORT: u16 = 8080;

/// A lab and the containers in it.
pub struct Town {
    pub lab: Lab,
    pub containers: Vec<Container>,
}

pub struct Container {
    pub name: String,
    /// Its address on its one destination.
    pub address: String,
    /// Its process, as the lab counts.
    pub pid: u32,
}

impl Town {
    pub fn build(destinations: usize, on_each: usize) -> Result<Self> {
        let lab = Lab::start()?;
        let image = lab.busybox_image()?;
        for d in 0..destinations {
            let network = format!("destination-{d}");
            lab.docker(&["network", "create", "--subnet", &format!("10.77.{d}.0/24"), &network])?;
            for c in 0..on_each {
                let name = format!("app-{d}-{c:02}");
                let run = ["run", "-d", "--name", &name, "--network", &network, &image];
                let serve = ["httpd", "-f", "-p", &PORT.to_string(), "-h", "/etc"];
                lab.docker(&[&run[..], &serve[..]].concat())?;
            }
        }
        let containers = containers(&lab)?;
        assert_eq!(containers.len(), destinations * on_each, "a container did not start");
        Ok(Self { lab, containers })
    }

    /// The Engine's version.
    pub fn engine(&self) -> Result<String> {
        self.lab.docker(&["version", "--format", "{{.Server.Version}}"])
    }

    /// A command that runs a program in the network namespace of the first container: the vantage of whoever is
    /// measured beside the exporter.
    pub fn inside_first(&self, program: &str) -> Result<Command> {
        let first = self.containers.first().ok_or_else(|| lab::Error::new("the lab is empty"))?;
        Ok(self.inside(first.pid, program))
    }

    /// A command that runs a program in the network namespace of a process of the lab.
    pub fn inside(&self, pid: u32, program: &str) -> Command {
        let mut command = self.lab.on_host("nsenter");
        command.arg(format!("--net=/proc/{pid}/ns/net")).arg("--").arg(program);
        command
    }

    /// Puts all containers on one destination more.
    pub fn join(&self, destination: &str, subnet: &str) -> Result<()> {
        self.lab.docker(&["network", "create", "--subnet", subnet, destination])?;
        for container in &self.containers {
            self.lab.docker(&["network", "connect", destination, &container.name])?;
        }
        Ok(())
    }

    /// Whom the first container can probe.
    pub fn others(&self) -> impl Iterator<Item = &Container> {
        self.containers.iter().skip(1)
    }

    /// Writes a file that the lab's processes can read, in the lab's own folder; gives its path.
    pub fn write(&self, name: &str, text: &str) -> Result<String> {
        let path = self.folder_of(name);
        std::fs::write(&path, text).map_err(|e| lab::Error::io("writing a file for the lab", e))?;
        Ok(path)
    }

    /// A path in the lab's folder; gone with the lab.
    pub fn folder_of(&self, name: &str) -> String {
        self.lab.socket().with_file_name(name).display().to_string()
    }
}

fn containers(lab: &Lab) -> Result<Vec<Container>> {
    let ids = lab.docker(&["ps", "-q"])?;
    let format = "{{.Name}} {{.State.Pid}}{{range .NetworkSettings.Networks}} {{.IPAddress}}{{end}}";
    let inspect = ["inspect", "-f", format];
    let listed = lab.docker(&[&inspect[..], &ids.lines().collect::<Vec<_>>()].concat())?;
    let sorted: BTreeMap<String, Container> = listed
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            let name = words.next()?.trim_start_matches('/').to_owned();
            let pid = words.next()?.parse().ok()?;
            let address = words.next()?.to_owned();
            Some((name.clone(), Container { name, address, pid }))
        })
        .collect();
    Ok(sorted.into_values().collect())
}
